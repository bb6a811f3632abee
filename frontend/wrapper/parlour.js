// What the app offers to the browser client; frontend/README.md describes `window.parlour`.

// The server to use until somebody chooses another one. Empty: the app asks.
const SERVER = "";

(() => {
  const { Capacitor } = capacitorExports;
  const { App } = capacitorApp;
  const { SecureStorage, KeychainAccess } = capacitorSecureStorage;
  window.parlour = {};
  if (SERVER) window.parlour.server = SERVER;
  if (!Capacitor.isNativePlatform()) return;

  // iOS: the keychain, never on another device, and once the device was unlocked also while it is locked, since a token
  // may be renewed then. Android: encrypted with a key in the keystore.
  const access = KeychainAccess.afterFirstUnlockThisDeviceOnly;
  window.parlour.storage = {
    get: (key) => SecureStorage.get(key, false),
    set: (key, value) => SecureStorage.set(key, value, false, false, access),
    remove: (key) => SecureStorage.remove(key),
  };

  // Android's own way back: through the pages, and from the first one out of the app.
  if (Capacitor.getPlatform() === "android") {
    App.addListener("backButton", ({ canGoBack }) => (canGoBack ? history.back() : App.minimizeApp()));
  }
})();
