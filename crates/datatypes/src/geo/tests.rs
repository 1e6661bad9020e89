//! Known places, properties of cells and ranges, and searches compared with a real server:
//! what is found and in which order, scores, distances, geohash strings.
//! The comparison is skipped where no `redis-server` is installed.
// Nothing unsafe here for Miri to look at.
#![cfg(not(miri))]

use super::*;
use crate::oracle::Oracle;
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn point(longitude: f64, latitude: f64) -> Point {
    Point {
        longitude,
        latitude,
    }
}

#[test]
fn known_places_have_known_scores_and_distances() {
    let palermo = point(13.361389, 38.115556);
    let catania = point(15.087269, 37.502669);
    assert_eq!(palermo.encode(), Some(3_479_099_956_230_698));
    assert_eq!(catania.encode(), Some(3_479_447_370_796_909));
    let decoded = Point::decode(3_479_099_956_230_698.0);
    assert_eq!(decoded, point(13.361389338970184, 38.1155563954963));
    let distance = decoded.distance(Point::decode(3_479_447_370_796_909.0));
    assert_eq!(format!("{distance:.4}"), "166274.1516");
    assert_eq!(&geohash_text(3_479_099_956_230_698.0), b"sqc8b49rny0");
}

#[test]
fn poles_cannot_be_encoded() {
    assert_eq!(point(0.0, 85.06).encode(), None);
    assert_eq!(point(180.1, 0.0).encode(), None);
    assert_eq!(point(f64::NAN, 0.0).encode(), None);
    assert!(point(-180.0, -85.05112878).encode().is_some());
}

#[test]
fn units_are_known_in_any_case() {
    assert_eq!(unit_meters(b"KM"), Some(1000.0));
    assert_eq!(unit_meters(b"mi"), Some(1609.34));
    assert_eq!(unit_meters(b"yd"), None);
}

#[test]
fn polygon_contains_what_is_inside() {
    let vertices = vec![
        point(0.0, 0.0),
        point(10.0, 0.0),
        point(10.0, 10.0),
        point(5.0, 2.0),
        point(0.0, 10.0),
    ];
    let search = Search::new(Shape::Polygon { vertices });
    let score = |lon, lat| point(lon, lat).encode().unwrap() as f64;
    assert!(search.hit(score(1.0, 1.0)).is_some());
    assert!(search.hit(score(9.0, 5.0)).is_some());
    assert!(search.hit(score(5.0, 5.0)).is_none(), "in the notch");
    assert!(search.hit(score(-1.0, 5.0)).is_none());
    for (lon, lat) in [(1.0, 1.0), (9.0, 5.0), (0.1, 9.0)] {
        let score = score(lon, lat);
        assert!(
            search
                .ranges()
                .any(|(min, max)| min <= score && score < max)
        );
    }
}

proptest! {
    #[test]
    fn decoding_comes_back_within_a_cell(lon in -180.0..180.0f64, lat in -85.05..85.05f64) {
        let here = point(lon, lat);
        let back = Point::decode(here.encode().unwrap() as f64);
        prop_assert!((back.longitude - lon).abs() < 1e-5 && (back.latitude - lat).abs() < 1e-5);
        prop_assert_eq!(back.encode(), here.encode());
    }

    #[test]
    fn ranges_miss_nobody_in_a_circle(
        lon in -170.0..170.0f64, lat in -75.0..75.0f64,
        east in -0.9..0.9f64, north in -0.9..0.9f64, radius in 1.0..100_000.0f64,
    ) {
        let centre = point(lon, lat);
        let search = Search::new(Shape::Circle { centre, radius, unit: 1.0 });
        let degrees = radius / 111_000.0;
        let there = point(lon + east * degrees, lat + north * degrees).encode().unwrap() as f64;
        if search.hit(there).is_some() {
            prop_assert!(search.ranges().any(|(min, max)| min <= there && there < max));
        }
    }
}

/// All members (score order) that a search finds, in the order in which it finds them.
fn find(search: &Search, members: &[(u64, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (min, max) in search.ranges() {
        for (score, name) in members {
            let score = *score as f64;
            if min <= score && score < max && search.hit(score).is_some() {
                found.push(name.clone());
            }
        }
    }
    found
}

#[test]
fn searches_find_what_redis_finds_in_its_order() {
    let Some(mut redis) = Oracle::start(&[]) else {
        return;
    };
    let mut rng = SmallRng::seed_from_u64(7);
    for round in 0..60 {
        redis.run("FLUSHALL");
        let spread: f64 = [0.01, 1.0, 30.0, 179.0][round % 4];
        let (lon0, lat0) = (
            rng.random_range(-179.0..179.0),
            rng.random_range(-85.0..85.0),
        );
        let mut members = Vec::new();
        for i in 0..150 {
            let lon: f64 = (lon0 + rng.random_range(-spread..spread)).clamp(-180.0, 180.0);
            let lat = (lat0 + rng.random_range(-spread..spread)).clamp(-85.05, 85.05);
            let name = format!("m{i}");
            members.push((point(lon, lat).encode().unwrap(), name.clone()));
            redis.run(&format!("GEOADD g {lon:?} {lat:?} {name}"));
        }
        members.sort();
        for (score, name) in members.iter().take(5) {
            assert_eq!(
                redis.run(&format!("ZSCORE g {name}")).text(),
                score.to_string()
            );
            let text = String::from_utf8(geohash_text(*score as f64).to_vec()).unwrap();
            assert_eq!(redis.run(&format!("GEOHASH g {name}")).texts(), [text]);
            let other = &members[members.len() - 1];
            let distance = Point::decode(*score as f64).distance(Point::decode(other.0 as f64));
            let theirs = redis.run(&format!("GEODIST g {name} {}", other.1)).text();
            assert_eq!(
                theirs,
                format!("{:.4}", (distance * 10_000.0).round() / 10_000.0)
            );
        }
        for _ in 0..10 {
            let size = rng.random_range(0.1..2.0) * spread * 111.0;
            let other = rng.random_range(0.1..2.0) * spread * 111.0;
            let centre = point(lon0, lat0);
            let at = format!("GEOSEARCH g FROMLONLAT {lon0:?} {lat0:?}");
            let circle = Search::new(Shape::Circle {
                centre,
                radius: size,
                unit: 1000.0,
            });
            let theirs = redis.run(&format!("{at} BYRADIUS {size:?} km")).texts();
            assert_eq!(find(&circle, &members), theirs, "{centre:?} {size}");
            let shape = Shape::Box {
                centre,
                width: size,
                height: other,
                unit: 1609.34,
            };
            let theirs = redis
                .run(&format!("{at} BYBOX {size:?} {other:?} mi"))
                .texts();
            assert_eq!(
                find(&Search::new(shape), &members),
                theirs,
                "{centre:?} {size} {other}"
            );
        }
    }
}
