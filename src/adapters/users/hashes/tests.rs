//! Hashes of other programs, what is refused and why, and what a hash may cost.

use super::*;

const ARGON: &str = "$argon2id$v=19$m=19456,t=2,p=1$2MOVqQi5+7HuJg4B2NjSAA$RY8QdVB590d1PX+iSJa+ez4R7hTzqxu1o6PZQfpg3vM";
const BCRYPT: &str = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232";
const BCRYPT_SHA256: &str =
    "$bcrypt-sha256$v=2,t=2b,r=4$jd32Vkwoi2Pyb.4fYbqRIu$dAoenQf7MT2LrZ8gBVaWK6phqAHs46G";
const SHA512: &str = "$6$rounds=1000$WFDsmO0ERlo0gJjf$36EmLkd3vyiJv.FNYwBcBDZZ/e8Ci1L12zFRlYdD/6UzxFCBralFQ/mXxIYZzlTSle9s8P0RMdiWclIctngWb.";
const PBKDF2: &str = "$pbkdf2-sha512$1000$TWmNca71/p8zhlDqnbM2pg$5F3r8d/o65VYn.AvoHHbKi4Z12DWoLP37O2LanjAxeX7KFdarm6xU/t/JMUA3c1.PYi0RpIxCkKjSnjTxA89wA";
const SCRYPT: &str =
    "$scrypt$ln=10,r=8,p=1$XSslZOzd+997b62VslYKoQ$S1sXFvCscEsSFMLFLQMsHhYxMieyQeKbWrEC+1LU1vM";

/// Each made by a program that shares no code with us, from `wonderland` unless another
/// password stands beside it.
const OF_OTHERS: [(&str, &str); 23] = [
    // The command line of argon2's reference implementation; its old version writes no `v=`.
    (
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        "password",
    ),
    (
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "password",
    ),
    (
        "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        "password",
    ),
    (
        "$argon2d$v=16$m=256,t=2,p=1$c29tZXNhbHQ$vUBIaP8AxS51Q8gzLmp3KlckiS1+Mo1c8lO7yOcms3E",
        "password",
    ),
    (
        "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$JcTui6RIBUtJ78gE5Hi52CO+H5vS6Z9R1uxAB6OhUB8",
        "password",
    ),
    // crypt_blowfish's vectors.
    (
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "U*U",
    ),
    (
        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        "U*U*",
    ),
    // mkpasswd.
    (SHA512, "wonderland"),
    (
        "$5$befunJ/ggINKaHAE$znfiCPOyPqMtshAWKBp7aasYOkal.B1JSEcpbQwcaT.",
        "wonderland",
    ),
    // htpasswd -5 and -2.
    (
        "$6$EPS/fJtzXBZLYf/1$BYjBt.I6NPpW1cULt833iOKRIhoZw93AWJrCqbFqsR9/ZlFVt8nq.Zs1fy/RmxO26V0rHCZ2bk9ujqHGPPPTn/",
        "wonderland",
    ),
    (
        "$5$KMxHD1//TR8Aa2Qh$6fgvlgXmDAhizI/aMgEspDo0VX5fE4B3.i6YxEJKAy6",
        "wonderland",
    ),
    // passlib, whose notations Authelia's are.
    (
        "$pbkdf2$1000$8j7nPIdw7j1HCEEoxXivNQ$z9apG3gfrIcT6es.52j1NcnmTTM",
        "wonderland",
    ),
    (
        "$pbkdf2-sha1$1000$8j7nPIdw7j1HCEEoxXivNQ$z9apG3gfrIcT6es.52j1NcnmTTM",
        "wonderland",
    ),
    (
        "$pbkdf2-sha256$1000$qbX2nlOq9f6/t/Yeg5Dyfg$v.JeztOv/OzwLMVD8r9lG2znfeZ8k5y2PlM.e/N04.Q",
        "wonderland",
    ),
    (PBKDF2, "wonderland"),
    (SCRYPT, "wonderland"),
    (BCRYPT_SHA256, "wonderland"),
    (
        "$bcrypt-sha256$v=2,t=2b,r=4$yY/fMKbdOPPDKICD5quroe$V3rMnwxH.QjJJOR1Qx0hUQu1wWA3FYy",
        "p\u{e4}ss",
    ),
    (
        "{CRYPT}$bcrypt-sha256$v=2,t=2b,r=4$jd32Vkwoi2Pyb.4fYbqRIu$dAoenQf7MT2LrZ8gBVaWK6phqAHs46G",
        "wonderland",
    ),
    // Python's hashlib, in the same notation.
    (
        "$pbkdf2-sha224$1000$c2FsdC1vZi0xNi1ieXRlcw$q.FxW0AiLiNrDQMLK9OszJ.P7DsVi9p291RNmA",
        "wonderland",
    ),
    (
        "$pbkdf2-sha384$1000$c2FsdC1vZi0xNi1ieXRlcw$f3UaPQYDhufvqRDoYSdJBnwcse98NxGSqqnm2XXlkIJU5vfjhX.tt0AMi3CL3lVE",
        "wonderland",
    ),
    // As Authelia also takes them.
    (
        "{CRYPT}$5$befunJ/ggINKaHAE$znfiCPOyPqMtshAWKBp7aasYOkal.B1JSEcpbQwcaT.",
        "wonderland",
    ),
    (
        "{ARGON2}$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "password",
    ),
];

#[test]
fn a_hash_keeps_the_meaning_that_its_program_gave_it() {
    for (text, password) in OF_OTHERS {
        let hash = ParsedHash::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert!(
            hash.matches(password.as_bytes()),
            "{text}: the owner is kept out"
        );
        for wrong in ["", "Wonderland", "wonderland ", "U*", "passwor"] {
            assert!(!hash.matches(wrong.as_bytes()), "{text}: {wrong:?} gets in");
        }
    }
}

#[test]
fn a_long_password_works_as_where_it_was_set() {
    let x = |count| vec![b'x'; count];
    // htpasswd -B reads 72 of the hundred, and so must whoever verifies.
    let bcrypt = "$2y$04$Fb/GehZREFj9uOb6OxOPZu0fSuZ2g1iT5q606fEHhhG/JXpi0OME6";
    let bcrypt = ParsedHash::parse(bcrypt).unwrap();
    assert!(bcrypt.matches(&x(100)), "the real password is refused");
    assert!(!bcrypt.matches(&x(71)));
    let keyed =
        "$bcrypt-sha256$v=2,t=2b,r=4$aAIx3zZX.g4SrjRZpAG51e$GAO9CVvUHfJ62kR72jBHPsKIF8T3h6u";
    let keyed = ParsedHash::parse(keyed).unwrap();
    assert!(keyed.matches(&x(100)));
    assert!(!keyed.matches(&x(99)) && !keyed.matches(&x(72)));
    let crypt = "$6$rounds=1000$Slgb31wvHbpVYFCp$GOzotEiDItkqP2tGP6syfTCNDN2ntbhVzLmDWdzY1rNrL5UGgmb1U5.oEhpvWvL5c3l4FDa572C8fvx7JGwVR0";
    let crypt = ParsedHash::parse(crypt).unwrap();
    assert!(crypt.matches(&x(200)));
    assert!(!crypt.matches(&x(199)) && !crypt.matches(&x(201)));
}

#[test]
fn what_is_refused_says_why() {
    let argon = |head: &str| {
        format!("{head}$2MOVqQi5+7HuJg4B2NjSAA$RY8QdVB590d1PX+iSJa+ez4R7hTzqxu1o6PZQfpg3vM")
    };
    for (text, says) in [
        (argon("$argon2id$v=19$m=1048577,t=1,p=1"), "KiB of memory"),
        (
            argon("$argon2id$v=19$m=4294967295,t=1,p=1"),
            "KiB of memory",
        ),
        (argon("$argon2id$v=19$m=1048576,t=9,p=1"), "9 passes"),
        (argon("$argon2id$v=19$m=19456,t=4294967295,p=1"), "passes"),
        (argon("$argon2id$v=19$m=19456,t=0,p=1"), "damaged argon2id"),
        (argon("$argon2id$v=18$m=19456,t=1,p=1"), "damaged"),
        (argon("$argon2id$v=19$v=19$m=19456,t=1,p=1"), "damaged"),
        (argon("$argon2id$v=19$m=19456,t=1"), "damaged"),
        (argon("$argon2id$v=19$m=19456,m=19456,t=1,p=1"), "damaged"),
        (argon("$argon2i$v=19$m=8,t=1,p=2"), "damaged argon2i"),
        (argon("$argon2id$v=19$m=64,t=1,p=1,keyid=YQ"), "secret"),
        (argon("$argon2x$v=19$m=19456,t=2,p=1"), "nobody defined"),
        (format!("{ARGON}$x"), "damaged"),
        (ARGON[..ARGON.len() - 2].to_owned(), "damaged"),
        (
            "$argon2id$v=19$m=19456,t=2,p=1$2MOVqQi5+7HuJg4B2NjSAA".into(),
            "damaged",
        ),
        ("$argon2id$".into(), "damaged"),
        ("$argon2id$é".into(), "damaged"),
        (BCRYPT.replace("$10$", "$03$"), "cost"),
        (BCRYPT.replace("$10$", "$31$"), "cost"),
        (BCRYPT.replace("$10$", "$+9$"), "damaged"),
        (BCRYPT.replace('Z', "é"), "damaged"),
        (BCRYPT.replace('Z', "!"), "damaged"),
        (BCRYPT.replace("01232", "0123"), "damaged"),
        (format!("{BCRYPT}5"), "damaged"),
        (BCRYPT.replace("01232", "01233"), "damaged"),
        ("$2y$".into(), "damaged"),
        ("$2y$é".into(), "damaged"),
        ("$2x$10$x".into(), "broken bcrypt"),
        (BCRYPT_SHA256.replace("r=4", "r=3"), "cost"),
        (BCRYPT_SHA256.replace("r=4", "r=18"), "cost"),
        (
            BCRYPT_SHA256.replace("r=4", "r=04"),
            "damaged bcrypt-sha256",
        ),
        (BCRYPT_SHA256.replace("r=4", "r=100"), "damaged"),
        (BCRYPT_SHA256.replace("r=4", "r=4,r=4"), "damaged"),
        (BCRYPT_SHA256.replace("v=2", "v=3"), "damaged"),
        (BCRYPT_SHA256.replace("2b", "2x"), "damaged"),
        (BCRYPT_SHA256.replace("YbqRIu$", "YbqRI$u"), "damaged"),
        (BCRYPT_SHA256.replace("46G", "46"), "damaged"),
        (BCRYPT_SHA256.replace("46G", "46\u{e9}"), "damaged"),
        (format!("{BCRYPT_SHA256}$"), "damaged"),
        ("$bcrypt-sha256$".into(), "damaged"),
        (
            "$bcrypt-sha256$2b,4$uNiUI7peQiCz57llDVqB5e$E6VdKeNSGI75mfLMlfDjnJkGRrBwBBa".into(),
            "first version",
        ),
        (SHA512.replace("1000", "999"), "damaged SHA-512-crypt"),
        (SHA512.replace("1000", "01000"), "damaged"),
        (SHA512.replace("1000", "5000001"), "5000001 rounds"),
        (SHA512.replace("1000", "999999999"), "rounds"),
        (SHA512.replace("WFDs", "WF\u{e9}s"), "damaged"),
        (SHA512.replace("WFDs", "WFDsWFDs"), "damaged"),
        (SHA512[..100].into(), "damaged"),
        ("$6$salt$hash".into(), "damaged"),
        ("$5$".into(), "damaged SHA-256-crypt"),
        (PBKDF2.replace("$1000$", "$10000001$"), "iterations"),
        (PBKDF2.replace("$1000$", "$0$"), "damaged PBKDF2"),
        (PBKDF2.replace("$1000$", "$4294967296$"), "damaged"),
        (PBKDF2.replace("TWmN", "TW+$"), "damaged"),
        (PBKDF2[..60].into(), "damaged"),
        (PBKDF2.replace("sha512", "md5"), "digest"),
        ("$pbkdf2-sha512$".into(), "damaged"),
        (SCRYPT.replace("ln=10", "ln=21"), "MiB of memory"),
        (SCRYPT.replace("ln=10", "ln=63"), "MiB of memory"),
        (SCRYPT.replace("ln=10", "ln=64"), "damaged scrypt"),
        (SCRYPT.replace("r=8", "r=4294967295"), "MiB of memory"),
        (SCRYPT.replace("p=1", "p=4294967295"), "passes over 1 MiB"),
        (SCRYPT.replace("p=1", "p=0"), "damaged"),
        (SCRYPT[..50].into(), "damaged"),
        ("$scrypt$".into(), "damaged"),
        ("$y$j9T$x$y".into(), "yescrypt"),
        ("$apr1$x$y".into(), "plain text"),
        ("{SSHA512}x".into(), "plain text"),
        ("$plaintext$hunter2".into(), "plain text"),
        ("$argon3$x".into(), "kind that is not verified"),
        ("hunter2".into(), "plain password"),
        ("change-me".into(), "plain password"),
        (ARGON.replace('$', "$$"), "doubled"),
        ("=19=65536,t=3,p=4".into(), "variables"),
        (
            "y0abcdefghijklmnopqrstu.vwxyzABCDEFGHIJKLMNOPQRS/TUVW".into(),
            "variables",
        ),
    ] {
        let fault = ParsedHash::parse(&text).expect_err(&text);
        assert!(
            fault.message.contains(says),
            "{text}: {} should say {says}",
            fault.message
        );
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    }
}

#[test]
fn the_largest_costs_that_are_taken() {
    for text in [
        ARGON.replace("m=19456,t=2", "m=1048576,t=8"),
        BCRYPT.replace("$10$", "$17$"),
        BCRYPT_SHA256.replace("r=4", "r=17"),
        SHA512.replace("1000", "5000000"),
        PBKDF2.replace("$1000$", "$10000000$"),
        SCRYPT.replace("ln=10,r=8,p=1", "ln=20,r=8,p=8"),
    ] {
        assert!(ParsedHash::parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn how_hard_a_hash_is_to_guess() {
    for (text, strong) in [
        (ARGON.to_owned(), true),
        (ARGON.replace("argon2id", "argon2i"), false),
        (ARGON.replace("m=19456", "m=18000"), false),
        (ARGON.replace("m=19456", "m=64"), false),
        (BCRYPT.to_owned(), true),
        (BCRYPT.replace("$10$", "$09$"), false),
        (BCRYPT.replace("$10$", "$05$"), false),
        (BCRYPT_SHA256.replace("r=4", "r=12"), true),
        (BCRYPT_SHA256.to_owned(), false),
        (SHA512.replace("1000", "210000"), true),
        (SHA512.replace("1000", "50000"), false),
        (SHA512.to_owned(), false),
        (PBKDF2.replace("$1000$", "$310000$"), true),
        (PBKDF2.replace("$1000$", "$21000$"), false),
        (PBKDF2.to_owned(), false),
        (SCRYPT.replace("ln=10,r=8,p=1", "ln=16,r=8,p=2"), true),
        (SCRYPT.replace("ln=10", "ln=16"), false),
        (SCRYPT.to_owned(), false),
    ] {
        assert_eq!(
            ParsedHash::parse(&text).unwrap().is_strong(),
            strong,
            "{text}"
        );
    }
}
