//! The family's tests: argv in, RESP out.

use std::collections::HashSet;

use expect_test::expect;

use crate::testing::{Tester, check, check_log};

#[test]
fn members_are_added_found_and_removed() {
    check(
        "SADD s 1 2 2 3\nOBJECT ENCODING s\nSADD s 3\nSMEMBERS s\nSISMEMBER s 2\nSISMEMBER s 9\n\
         SMISMEMBER s 1 9 x\nSMISMEMBER none a b\nSCARD s\nSADD s x\nOBJECT ENCODING s\n\
         SREM s 9\nSREM s 1 x 2\nSMEMBERS s\nSREM s 3 3\nEXISTS s\nSREM s 1\nSMEMBERS none\n\
         SCARD none\nSISMEMBER none a",
        &expect![[r#"
            :3
            $6
            intset
            :0
            *3
            $1
            1
            $1
            2
            $1
            3
            :1
            :0
            *3
            :1
            :0
            :0
            *2
            :0
            :0
            :3
            :1
            $9
            hashtable
            :0
            :3
            *1
            $1
            3
            :1
            :0
            :0
            *0
            :0
            :0"#]],
    );
}

#[test]
fn smove_moves() {
    check(
        "SADD a 1 2\nSADD b 2 3\nSMOVE a b 1\nSMEMBERS b\nSMOVE a b 9\nSMOVE a a 2\nSMOVE a a 9\n\
         SMOVE a b 2\nEXISTS a\nSMOVE a b 2\nSET s x\nSMOVE none s 1\nSMOVE b s 1\nSMOVE s b 1\n\
         SMOVE b new 3\nSMEMBERS new\nSMEMBERS b",
        &expect![[r#"
            :2
            :2
            :1
            *3
            $1
            1
            $1
            2
            $1
            3
            :0
            :1
            :0
            :1
            :0
            :0
            +OK
            :0
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            :1
            *1
            $1
            3
            *2
            $1
            1
            $1
            2"#]],
    );
}

#[test]
fn random_members() {
    check(
        "SADD s 7\nSRANDMEMBER s\nSRANDMEMBER s 3\nSRANDMEMBER s -3\nSRANDMEMBER s 0\n\
         SRANDMEMBER none\nSRANDMEMBER none 1\nSRANDMEMBER s x\n\
         SRANDMEMBER s -9223372036854775808\nSRANDMEMBER s 1 1\nSPOP s -1\nSPOP s x\nSPOP s 1 1\n\
         SPOP s 0\nSPOP s\nEXISTS s\nSPOP s\nSPOP s 1\nSADD s a\nSPOP s 5\nEXISTS s",
        &expect![[r#"
            :1
            $1
            7
            *1
            $1
            7
            *3
            $1
            7
            $1
            7
            $1
            7
            *0
            $-1
            *0
            -ERR value is not an integer or out of range
            -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            -ERR syntax error
            -ERR value is out of range, must be positive
            -ERR value is out of range, must be positive
            -ERR syntax error
            *0
            $1
            7
            :0
            $-1
            *0
            :1
            *1
            $1
            a
            :0"#]],
    );
}

#[test]
fn algebra() {
    check(
        "SADD a 1 2 3 4\nSADD b 2 3\nSADD c 3 x\nSINTER a b c\nSINTER a none\nSINTER a\n\
         SUNION b b none\nSUNION none\nSDIFF a b\nSDIFF a b c\nSDIFF a a\nSDIFF none a\n\
         SDIFF b none\nSINTERCARD 2 a b\nSINTERCARD 2 a b LIMIT 1\nSINTERCARD 2 a b LIMIT 0\n\
         SINTERCARD 2 a none\nSINTERCARD 0 a\nSINTERCARD 3 a b\nSINTERCARD 1 a LIMIT -1\n\
         SINTERCARD 1 a LIMIT\nSINTERCARD 1 a FOO 1\nSINTERCARD x a",
        &expect![[r#"
            :4
            :2
            :2
            *1
            $1
            3
            *0
            *4
            $1
            1
            $1
            2
            $1
            3
            $1
            4
            *2
            $1
            2
            $1
            3
            *0
            *2
            $1
            1
            $1
            4
            *2
            $1
            1
            $1
            4
            *0
            *0
            *2
            $1
            2
            $1
            3
            :2
            :1
            :2
            :0
            -ERR numkeys should be greater than 0
            -ERR Number of keys can't be greater than number of args
            -ERR LIMIT can't be negative
            -ERR syntax error
            -ERR syntax error
            -ERR numkeys should be greater than 0"#]],
    );
}

#[test]
fn unions_and_differences_are_counted() {
    check(
        "SADD a 1 2 3 4\nSADD b 2 3 5\nSUNIONCARD 2 a b\nSUNIONCARD 2 a b LIMIT 3\n\
         SUNIONCARD 2 a b APPROX LIMIT 0\nSUNIONCARD 1 none\nSUNIONCARD 2 a\nSDIFFCARD 2 a b\n\
         SDIFFCARD 2 a b LIMIT 1\nSDIFFCARD 2 a a\nSDIFFCARD 2 a b APPROX\nSDIFFCARD 0 a\n\
         SET s x\nSUNIONCARD 2 a s",
        &expect![[r#"
            :4
            :3
            :5
            :3
            :5
            :0
            -ERR Number of keys can't be greater than number of args
            :2
            :1
            :0
            -ERR syntax error
            -ERR numkeys should be greater than 0
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value"#]],
    );
}

#[test]
fn stored_algebra() {
    check(
        "SADD a 1 2 3 4\nSADD b 2 3\nSINTERSTORE d a b\nSMEMBERS d\nOBJECT ENCODING d\n\
         SUNIONSTORE d a b none\nSMEMBERS d\nSDIFFSTORE a a b\nSMEMBERS a\nSDIFFSTORE d a a\n\
         EXISTS d\nSINTERSTORE a none a\nEXISTS a\nSET s x\nSUNIONSTORE d s b\nSUNIONSTORE s b\n\
         SMEMBERS s\nSINTERSTORE none none",
        &expect![[r#"
            :4
            :2
            :2
            *2
            $1
            2
            $1
            3
            $6
            intset
            :4
            *4
            $1
            1
            $1
            2
            $1
            3
            $1
            4
            :2
            *2
            $1
            1
            $1
            4
            :0
            :0
            :0
            :0
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            :2
            *2
            $1
            2
            $1
            3
            :0"#]],
    );
}

#[test]
fn scanning_a_small_set_gives_all_of_it() {
    check(
        "SADD s 1 2 33\nSSCAN s 0\nSSCAN s 0 MATCH 3* COUNT 1\nSSCAN none 0\nSSCAN s x\n\
         SSCAN s 0 COUNT 0\nSSCAN s 0 NOVALUES\nSSCAN s 0 TYPE x",
        &expect![[r#"
            :3
            *2
            $1
            0
            *3
            $1
            1
            $1
            2
            $2
            33
            *2
            $1
            0
            *1
            $2
            33
            *2
            $1
            0
            *0
            -ERR invalid cursor
            -ERR syntax error
            -ERR syntax error
            -ERR syntax error"#]],
    );
}

#[test]
fn resp3_shapes() {
    check(
        "HELLO 3\nSADD s 1 2\nSMEMBERS s\nSINTER s s\nSUNION s\nSDIFF s none\n\
         SRANDMEMBER none 1\nSISMEMBER s 1\nSPOP s 9\nSPOP s 1\nSMEMBERS s\nSPOP s",
        &expect![[r#"
            %7
            $6
            server
            $5
            redis
            $7
            version
            $6
            7.0.15
            $5
            proto
            :3
            $2
            id
            :0
            $4
            mode
            $10
            standalone
            $4
            role
            $6
            master
            $7
            modules
            *0
            :2
            ~2
            $1
            1
            $1
            2
            ~2
            $1
            1
            $1
            2
            ~2
            $1
            1
            $1
            2
            ~2
            $1
            1
            $1
            2
            *0
            :1
            ~2
            $1
            1
            $1
            2
            ~0
            ~0
            _"#]],
    );
}

#[test]
fn other_types_are_refused() {
    check(
        "SET s x\nSADD s a\nSREM s a\nSISMEMBER s a\nSMISMEMBER s a\nSMEMBERS s\nSCARD s\n\
         SPOP s\nSPOP s 1\nSRANDMEMBER s\nSRANDMEMBER s 1\nSINTER none s\nSUNION none s\n\
         SDIFF none s\nSINTERCARD 2 none s\nSSCAN s 0\nGET s",
        &expect![[r#"
            +OK
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            -WRONGTYPE Operation against a key holding the wrong kind of value
            $1
            x"#]],
    );
}

/// The members in a reply.
fn members(reply: &str) -> HashSet<String> {
    let lines = reply.lines().filter(|line| !line.starts_with(['$', '*']));
    lines.map(str::to_owned).collect()
}

#[test]
fn algebra_of_many_large_sets_agrees_with_a_model() {
    let mut tester = Tester::new();
    let mut model: Vec<HashSet<String>> = Vec::new();
    for set in 0..12_usize {
        let in_set = |i: &usize| !i.is_multiple_of(set + 2);
        let texts: HashSet<String> = (0..700).filter(in_set).map(|i| format!("m{i}")).collect();
        for text in &texts {
            tester.line(&format!("SADD s{set} {text}"));
        }
        model.push(texts);
    }
    for count in [1, 2, 3, 12] {
        let keys: Vec<String> = (0..count).map(|set| format!("s{set}")).collect();
        let keys = keys.join(" ");
        let sets = &model[..count];
        let union: HashSet<String> = sets.iter().flatten().cloned().collect();
        let all = |text: &&String| sets.iter().all(|set| set.contains(*text));
        let inter: HashSet<String> = sets[0].iter().filter(all).cloned().collect();
        let none = |text: &&String| !sets[1..].iter().any(|set| set.contains(*text));
        let diff: HashSet<String> = sets[0].iter().filter(none).cloned().collect();
        for (name, expected) in [("SUNION", union), ("SINTER", inter), ("SDIFF", diff)] {
            let reply = tester.line(&format!("{name} {keys}"));
            assert_eq!(members(&reply), expected, "{name} {keys}");
            assert!(reply.starts_with(&format!("*{}\n", expected.len())) || expected.is_empty());
            let stored = tester.line(&format!("{name}STORE d {keys}"));
            assert_eq!(stored, format!(":{}", expected.len()));
            assert_eq!(
                members(&tester.line("SMEMBERS d")),
                expected,
                "{name}STORE {keys}"
            );
        }
    }
}

#[test]
fn spop_takes_each_member_once() {
    let mut tester = Tester::new();
    for i in 0..1000 {
        tester.line(&format!("SADD s m{i}"));
    }
    let mut seen = members(&tester.line("SPOP s 900"));
    assert_eq!(seen.len(), 900);
    assert_eq!(members(&tester.line("SRANDMEMBER s 60")).len(), 60);
    for _ in 0..100 {
        seen.extend(members(&tester.line("SPOP s")));
    }
    assert_eq!(seen.len(), 1000);
    assert_eq!(tester.line("EXISTS s"), ":0");
}

#[test]
fn what_goes_to_the_log() {
    check_log(
        "SADD s a\nSADD s a\nSPOP s\nSADD s b\nSPOP s 3\nSREM s x\nSADD s a\nSMOVE s t a\n\
         SMOVE t u x\nSINTERSTORE none s t\nSUNIONSTORE d t\nSINTERSTORE d none",
        &expect![[r#"
            SELECT 0
            SADD s a
            SREM s a
            SADD s b
            DEL s
            SADD s a
            SMOVE s t a
            SUNIONSTORE d t
            SINTERSTORE d none"#]],
    );
}
