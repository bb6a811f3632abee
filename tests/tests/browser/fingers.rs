//! A finger on the screen: real touches, as the browser gets them from a device.

use serde_json::json;

use crate::person::Person;

impl Person {
    async fn touch(&self, kind: &str, at: Option<(f64, f64)>) {
        let points: Vec<_> = at.into_iter().map(|(x, y)| json!({ "x": x, "y": y })).collect();
        self.tell_browser("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points })).await;
    }

    /// Puts a finger down and leaves it there.
    pub async fn put_finger(&self, at: (f64, f64)) {
        self.touch("touchStart", Some(at)).await;
    }

    /// Moves the finger.
    pub async fn move_finger(&self, to: (f64, f64)) {
        self.touch("touchMove", Some(to)).await;
    }

    /// Lifts the finger.
    pub async fn lift_finger(&self) {
        self.touch("touchEnd", None).await;
    }

    /// Taps.
    pub async fn tap(&self, at: (f64, f64)) {
        self.put_finger(at).await;
        self.lift_finger().await;
    }

    /// Taps the middle of an element, given by a selector.
    pub async fn tap_css(&self, css: &str) {
        let css = json!(css);
        self.until(&format!("{css} is there"), &format!("document.querySelector({css})")).await;
        let at = self
            .evaluate(&format!(
                "const place = document.querySelector({css}).getBoundingClientRect(); \
                 return [place.left + place.width / 2, place.top + place.height / 2];"
            ))
            .await;
        self.tap((at[0].as_f64().unwrap(), at[1].as_f64().unwrap())).await;
    }
}
