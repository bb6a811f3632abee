// What the app provides to the browser client; frontend/README.md describes `window.parlour`.

// The server to use until the user chooses another one. If empty, the app asks.
const SERVER = "";

(() => {
  const { Capacitor } = capacitorExports;
  const { App } = capacitorApp;
  const { SecureStorage, KeychainAccess } = capacitorSecureStorage;
  window.parlour = {};
  if (SERVER) window.parlour.server = SERVER;
  if (!Capacitor.isNativePlatform()) return;

  // iOS: the keychain, never copied to another device, and after the first unlock readable even while the device is
  // locked, because a token may be renewed then. Android: encrypted with a key in the keystore.
  const access = KeychainAccess.afterFirstUnlockThisDeviceOnly;
  window.parlour.storage = {
    get: (key) => SecureStorage.get(key, false),
    set: (key, value) => SecureStorage.set(key, value, false, false, access),
    remove: (key) => SecureStorage.remove(key),
  };

  // Android's back button: back through the pages, and from the first page out of the app.
  if (Capacitor.getPlatform() === "android") {
    App.addListener("backButton", ({ canGoBack }) => (canGoBack ? history.back() : App.minimizeApp()));
  }
})();
