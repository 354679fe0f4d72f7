//! Order of versions, by hand and as dpkg has it.

use std::process::Command;

use super::*;

/// Each is later than the one before.
const RISING: [&str; 19] = [
    "0~",
    "0",
    "0+",
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0",
    "1.0-0.1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+b13",
    "1.0-1.1",
    "1.0a",
    "1.0+dfsg-1",
    "1.0.1",
    "1.2",
    "1.10",
    "20080101",
    "1:0.1",
];

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn versions_rise() {
    for (place, later) in RISING.iter().enumerate() {
        for (other, earlier) in RISING.iter().enumerate() {
            assert_eq!(version(later).compare(&version(earlier)), place.cmp(&other), "{later} and {earlier}");
        }
    }
}

#[test]
fn different_texts_can_be_equal() {
    for (left, right) in [("1.0", "1.00"), ("1", "0:1-0"), ("1-0", "1"), ("1.a0", "1.a")] {
        assert_eq!(version(left).compare(&version(right)), Ordering::Equal, "{left} and {right}");
    }
}

#[test]
fn other_texts_are_refused() {
    for text in ["", "a:1", "1:", "1_2", "1 2", "1-é", "99999999999:1"] {
        assert!(Version::parse(text).is_err(), "{text}");
    }
}

/// dpkg is not on every machine; where it is not, this says so and ends.
#[test]
fn the_order_is_that_of_dpkg() {
    let more = ["5.2.15-2+b13", "2:3.8.2+dfsg-1+b1", "1:1.2.13.dfsg-1", "12.2.0-14+deb12u1", "1.0a1", "1.0+"];
    let all: Vec<_> = RISING.iter().chain(&more).collect();
    for left in &all {
        for right in &all {
            let status = Command::new("dpkg").args(["--compare-versions", left, "lt", right]).output();
            let Ok(output) = status else {
                println!("dpkg is not installed: its order is not compared");
                return;
            };
            let ours = version(left).compare(&version(right)) == Ordering::Less;
            assert_eq!(output.status.success(), ours, "{left} lt {right}");
        }
    }
}
