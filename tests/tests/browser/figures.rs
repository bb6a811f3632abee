//! What a page costs on a slow phone: how long it takes until it can be used, and how far it shifts meanwhile. The
//! times are printed for people to compare; a page that shifts under the eye fails.

use serde_json::json;

use crate::person::{Device, Person};
use crate::{numbered, room_of_bob, story};

/// A quarter of this machine's speed, and the network called fast 3G: 1.6 Mbit/s down, 750 kbit/s up, 150 ms.
const SLOWER: u32 = 4;
/// The largest allowed layout shift, as browsers measure it: the part of the view that moved, times the distance.
const MOST_SHIFT: f64 = 0.05;

/// Records when the wanted element is there and in view, and how far the page has shifted.
const NOTE: &str = "
    window.figures = { shift: 0, moved: '', at: null };
    const place = rect => [rect.x, rect.y, rect.width, rect.height].map(Math.round).join(' ');
    const moved = one => `${(one.node?.parentElement ?? one.node)?.outerHTML?.slice(0, 120)} from ${place(one.previousRect)} to ${place(one.currentRect)}`;
    new PerformanceObserver(list => list.getEntries().filter(one => !one.hadRecentInput).forEach(one => {
        figures.shift += one.value;
        figures.moved += `; ${one.value.toFixed(3)} at ${Math.round(one.startTime)} ms: ${one.sources.map(moved).join(' and ')}`;
    })).observe({ type: 'layout-shift', buffered: true });
    const look = () => {
        if (document.querySelector('[data-testid=login-submit], [data-testid=message-body]')) figures.at = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
";

async fn slow_down(person: &Person) {
    person.tell_browser("Network.enable", json!({})).await;
    let line = json!({
        "offline": false, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8,
    });
    person.tell_browser("Network.emulateNetworkConditions", line).await;
    person.tell_browser("Emulation.setCPUThrottlingRate", json!({ "rate": SLOWER })).await;
    person.tell_browser("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
}

/// Opens a page with an empty cache and again with a full one.
async fn measure(person: &Person, device: Device, name: &str, path: &str) {
    person.tell_browser("Network.clearBrowserCache", json!({})).await;
    for cache in ["cold", "warm"] {
        person.go(path).await;
        person.until("it can be used", "window.figures?.at").await;
        // Pictures and names arrive later, and must not shift anything either.
        person.until("it has settled", "performance.now() - window.figures.at > 1500").await;
        let found = person.evaluate("return [figures.at, figures.shift, figures.moved];").await;
        let (at, shift) = (found[0].as_f64().unwrap(), found[1].as_f64().unwrap());
        println!("{name}, {device:?}, {cache}: usable after {:.1} s, shift {shift:.3}", at / 1000.0);
        assert!(
            shift <= MOST_SHIFT,
            "{name}, {device:?}, {cache}: the page moves: {}",
            found[2].as_str().unwrap()
        );
    }
}

#[test]
fn pages_do_not_move_while_they_load_on_a_slow_phone() {
    story(|app| async move {
        let (_, room, _) = room_of_bob(&app, "tea", numbered(60)).await;
        for device in [Device::Desktop, Device::Phone] {
            let guest = Person::arrive(&app.address(0), device).await;
            guest.go("/health/live").await;
            slow_down(&guest).await;
            measure(&guest, device, "form", "/log-in").await;
            guest.leave().await;
        }
        for (device, handle) in [(Device::Desktop, "ada"), (Device::Phone, "cyril")] {
            let person = Person::register(&app.address(0), device, handle, handle).await;
            person.join(room).await;
            person.read("line 59").await;
            slow_down(&person).await;
            measure(&person, device, "room", &format!("/c/{room}")).await;
            person.leave().await;
        }
    });
}
