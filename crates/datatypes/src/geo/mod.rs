//! Geographic positions as sorted-set scores, the way Redis keeps them.
//!
//! A position is a 52-bit geohash: 26 bits of latitude and 26 of longitude, interleaved, so that
//! near positions have near scores and an area is a few score ranges. [`Search`] turns a circle,
//! a box or a polygon into those ranges and then judges each candidate.
//!
//! All constants and the order of floating-point operations are Redis's: scores, distances, results
//! and the order of unsorted results must come out the same. The sorted set itself is not known
//! here.

mod cell;
mod search;

pub use search::{Hit, Search, Shape};

use cell::{Cell, Extent};

/// Longitudes that can be encoded: ±180 degrees.
pub const LONGITUDE_MAX: f64 = 180.0;
/// Latitudes that can be encoded (EPSG:900913): the poles cannot.
pub const LATITUDE_MAX: f64 = 85.05112878;
/// Bits of each coordinate in a score.
const STEP_MAX: u8 = 26;
/// Mean radius of the earth (WGS-84 quadratic mean) that distances are computed with.
const EARTH_RADIUS_METERS: f64 = 6372797.560856;
/// Degrees to radians. A division written out, as Redis's macro rounds it.
const RADIANS: f64 = std::f64::consts::PI / 180.0;
/// The base-32 alphabet of geohash strings.
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A position in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Degrees east, within ±[`LONGITUDE_MAX`].
    pub longitude: f64,
    /// Degrees north, within ±[`LATITUDE_MAX`].
    pub latitude: f64,
}

impl Point {
    /// Whether both coordinates can be encoded.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The sorted-set score of this position; `None` when it is out of range.
    #[must_use]
    pub fn encode(self) -> Option<u64> {
        if !self.is_valid() {
            return None;
        }
        Some(Cell::around(self, &Extent::MERCATOR, STEP_MAX).aligned())
    }

    /// The position that a score stands for: the middle of its cell.
    #[must_use]
    pub fn decode(score: f64) -> Point {
        Cell {
            bits: score as u64,
            step: STEP_MAX,
        }
        .area()
        .middle()
    }

    /// Great-circle distance in meters.
    #[must_use]
    pub fn distance(self, other: Point) -> f64 {
        let (lon1, lon2) = (self.longitude * RADIANS, other.longitude * RADIANS);
        let v = ((lon2 - lon1) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance(self.latitude, other.latitude);
        }
        let (lat1, lat2) = (self.latitude * RADIANS, other.latitude * RADIANS);
        let u = ((lat2 - lat1) / 2.0).sin();
        let a = u * u + lat1.cos() * lat2.cos() * v * v;
        2.0 * EARTH_RADIUS_METERS * a.sqrt().asin()
    }
}

/// Distance in meters along a meridian.
fn latitude_distance(a: f64, b: f64) -> f64 {
    EARTH_RADIUS_METERS * (b * RADIANS - a * RADIANS).abs()
}

/// The standard geohash string of a score, as GEOHASH answers it. Scores use latitudes of ±85, the
/// standard ±90, so the position is encoded afresh; the eleventh character lacks bits and is `0`.
#[must_use]
pub fn geohash_text(score: f64) -> [u8; 11] {
    let bits = Cell::around(Point::decode(score), &Extent::STANDARD, STEP_MAX).bits;
    let mut text = [b'0'; 11];
    for (i, character) in text[..10].iter_mut().enumerate() {
        *character = ALPHABET[(bits >> (52 - (i + 1) * 5)) as usize & 31];
    }
    text
}

/// Meters in one of the units that the commands know (`m`, `km`, `ft`, `mi`, any case).
#[must_use]
pub fn unit_meters(name: &[u8]) -> Option<f64> {
    const UNITS: [(&[u8], f64); 4] = [
        (b"m", 1.0),
        (b"km", 1000.0),
        (b"ft", 0.3048),
        (b"mi", 1609.34),
    ];
    UNITS
        .iter()
        .find(|(unit, _)| unit.eq_ignore_ascii_case(name))
        .map(|(_, meters)| *meters)
}

#[cfg(test)]
mod tests;
