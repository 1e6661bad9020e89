//! The family's tests: argv in, RESP out. Expectations come from Redis 7.0.15 where it knows
//! the command.

use expect_test::expect;

use crate::testing::{check, check_resp3};

#[test]
fn positions_are_kept_as_scores() {
    check(
        r#"
            GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
            GEOADD g CH 13.5 38 Palermo
            GEOADD g NX 1 1 Palermo 2 2 new
            GEOADD g XX 1 1 nobody
            GEOADD g XX NX 1 1 a
            GEOADD g 1 1
            GEOADD g NX CH XX
            GEOADD g 200 1 a
            GEOADD g x 1 a
            GEOPOS g Palermo nobody new
            GEOPOS none a
            GEODIST g Palermo Catania
            GEODIST g Palermo Catania km
            GEODIST g Palermo Catania FT
            GEODIST g Palermo Palermo
            GEODIST g Palermo nobody
            GEODIST none a b
            GEODIST g Palermo Catania yd
            GEODIST g Palermo Catania m m
            GEOHASH g Palermo nobody Catania
            ZSCORE g Palermo
            SET s x
            GEOADD s 1 1 a
            GEOPOS s a
            GEOSEARCH s FROMLONLAT 1 1 BYRADIUS 1 m
        "#,
        &expect![[r#"
            :2
            :1
            :1
            :0
            -ERR syntax error
            -ERR wrong number of arguments for 'geoadd' command
            -ERR syntax error
            -ERR invalid longitude,latitude pair 200.000000,1.000000
            -ERR value is not a valid float
            *3
            *2
            $20
            13.50000053644180298
            $19
            38.0000009925631943
            *-1
            *2
            $19
            2.00000256299972534
            $18
            2.0000001856465488
            *1
            *-1
            $11
            150148.5551
            $8
            150.1486
            $11
            492613.3699
            $6
            0.0000
            $-1
            $-1
            -ERR unsupported unit provided. please use M, KM, FT, MI
            -ERR syntax error
            *3
            $11
            sqc85jwqhc0
            $-1
            $11
            sqdtr74hyu0
            $16
            3479097324432493
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn searches_find_members_inside() {
    check(
        r#"
            GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
            GEOADD g 12.758489 38.788135 edge1 17.241510 38.788135 edge2
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km DESC WITHDIST WITHCOORD WITHHASH
            GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD WITHDIST
            GEOSEARCH g FROMMEMBER Palermo BYRADIUS 300 km COUNT 2
            GEOSEARCH g FROMMEMBER Palermo BYRADIUS 500 km COUNT 1 ANY
            GEOSEARCH g FROMMEMBER nobody BYRADIUS 300 km
            GEOSEARCH none FROMMEMBER nobody BYRADIUS 300 km
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m
            GEOSEARCH g BYRADIUS 200 km ASC WITHDIST
            GEOSEARCH g FROMLONLAT 15 37 ASC WITHDIST WITHCOORD
            GEOSEARCH g FROMLONLAT 15 37 FROMMEMBER a BYRADIUS 1 m
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m BYBOX 1 1 m
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS -1 m
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS x m
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 yd
            GEOSEARCH g FROMLONLAT 15 37 BYBOX x 1 m
            GEOSEARCH g FROMLONLAT 15 37 BYBOX 1 x m
            GEOSEARCH g FROMLONLAT 15 37 BYBOX 1 -1 m
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m ANY
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m COUNT 0
            GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m STORE x
            GEORADIUS g 15 37 200 km WITHDIST
            GEORADIUS_RO g 15 37 200 km WITHHASH COUNT 1 DESC
            GEORADIUSBYMEMBER g Palermo 200 km
            GEORADIUSBYMEMBER_RO g Palermo 200 km STORE x
            GEORADIUSBYMEMBER g nobody 200 km
            GEORADIUS none 15 37 200 km
            GEORADIUS g 15 37 x km
        "#,
        &expect![[r#"
            :2
            :2
            *2
            $7
            Catania
            $7
            Palermo
            *2
            *4
            $7
            Palermo
            $8
            190.4424
            :3479099956230698
            *2
            $20
            13.36138933897018433
            $20
            38.11555639549629859
            *4
            $7
            Catania
            $7
            56.4413
            :3479447370796909
            *2
            $20
            15.08726745843887329
            $20
            37.50266842333162032
            *4
            *3
            $7
            Catania
            $7
            56.4413
            *2
            $20
            15.08726745843887329
            $20
            37.50266842333162032
            *3
            $7
            Palermo
            $8
            190.4424
            *2
            $20
            13.36138933897018433
            $20
            38.11555639549629859
            *3
            $5
            edge2
            $8
            279.7403
            *2
            $20
            17.24151045083999634
            $20
            38.78813451624225195
            *3
            $5
            edge1
            $8
            279.7405
            *2
            $19
            12.7584877610206604
            $20
            38.78813451624225195
            *2
            $7
            Palermo
            $5
            edge1
            *1
            $7
            Palermo
            -ERR could not decode requested zset member
            *0
            *0
            -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
            -ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH
            -ERR syntax error
            -ERR syntax error
            -ERR radius cannot be negative
            -ERR need numeric radius
            -ERR unsupported unit provided. please use M, KM, FT, MI
            -ERR need numeric width
            -ERR need numeric height
            -ERR height or width cannot be negative
            -ERR the ANY argument requires COUNT argument
            -ERR COUNT must be > 0
            -ERR syntax error
            *2
            *2
            $7
            Palermo
            $8
            190.4424
            *2
            $7
            Catania
            $7
            56.4413
            *1
            *2
            $7
            Palermo
            :3479099956230698
            *3
            $7
            Palermo
            $5
            edge1
            $7
            Catania
            -ERR syntax error
            -ERR could not decode requested zset member
            *0
            -ERR need numeric radius"#]],
    );
}

#[test]
fn results_are_stored() {
    check(
        r#"
            GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
            GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km
            ZRANGE d 0 -1 WITHSCORES
            GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST
            ZRANGE d 0 -1 WITHSCORES
            GEORADIUS g 15 37 200 km STORE d
            ZRANGE d 0 -1
            GEORADIUS g 15 37 200 km STOREDIST d COUNT 1
            ZRANGE d 0 -1
            GEORADIUSBYMEMBER g Palermo 10 km STORE x STORE y
            EXISTS x y
            GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1 m
            EXISTS d
            GEOSEARCHSTORE d none FROMLONLAT 1 1 BYRADIUS 1 m
            GEORADIUS g 15 37 200 km STORE d WITHDIST
            GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1 m WITHDIST
            GEORADIUS none 15 37 200 km STORE g
            EXISTS g
        "#,
        &expect![[r#"
            :2
            :2
            *4
            $7
            Palermo
            $16
            3479099956230698
            $7
            Catania
            $16
            3479447370796909
            :2
            *4
            $7
            Catania
            $18
            56.441257870158204
            $7
            Palermo
            $18
            190.44242984775784
            :2
            *2
            $7
            Palermo
            $7
            Catania
            :1
            *1
            $7
            Catania
            :1
            :1
            :0
            :0
            :0
            -ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options
            -ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options
            :0
            :0"#]],
    );
}

#[test]
fn resp3_writes_positions_as_doubles() {
    check_resp3(
        r#"
            GEOADD g 13.361389 38.115556 Palermo 0 0 zero
            GEOPOS g Palermo zero nobody
            GEODIST g Palermo zero
            GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m WITHDIST WITHCOORD WITHHASH
        "#,
        &expect![[r#"
            :2
            *3
            *2
            ,13.36138933897018433
            ,38.11555639549629859
            *2
            ,0.00000268220901489
            ,0.00000126736058093
            _
            $12
            4454733.0204
            *1
            *4
            $7
            Palermo
            $6
            0.0000
            :3479099956230698
            *2
            ,13.36138933897018433
            ,38.11555639549629859"#]],
    );
}

#[test]
fn polygons_are_searched() {
    check(
        r#"
            GEOADD g 1 1 in 5 5 notch -1 5 out
            GEOSEARCH g BYPOLYGON 5 0 0 10 0 10 10 5 2 0 10
            GEOSEARCH g BYPOLYGON 2 0 0 10 0
            GEOSEARCH g BYPOLYGON 4 0 0 10 0
            GEOSEARCH g FROMLONLAT 1 1 BYPOLYGON 3 0 0 10 0 10 10
        "#,
        &expect![[r#"
            :3
            *1
            $2
            in
            -ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
            -ERR syntax error
            -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"#]],
    );
}
