//! Addresses, schedule and outcomes of webhook endpoints.

use domain::{
    Timestamp,
    webhook_endpoint::{
        AttemptOutcome, FAILING_LIMIT_MS, Jitter, MAX_PAUSE_MS, MAX_RETRY_AFTER_S, Next, Permitted, Schedule,
        TargetUrl, UrlError, is_failing_for_too_long, is_public, pause_of,
    },
};

const NONE: Jitter = Jitter(0);

#[test]
fn addresses_that_only_a_network_of_ones_own_reaches_are_not_public() {
    for private in [
        "0.0.0.0",
        "10.1.2.3",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.9",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.88.99.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "4000::1",
    ] {
        assert!(!is_public(private.parse().unwrap()), "{private}");
    }
    for public in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

#[test]
fn an_address_of_an_endpoint_is_https_and_public() {
    let read = |text: &str| TargetUrl::parse(text, Permitted::default()).map(|url| url.to_string());
    assert_eq!(read("https://Shop.example/a?b=c").unwrap(), "https://shop.example/a?b=c");
    assert_eq!(read("https://shop.example:8443").unwrap(), "https://shop.example:8443/");
    let long = format!("https://shop.example/{}", "a".repeat(1_000));
    for (wrong, error) in [
        ("", UrlError::Malformed),
        ("shop.example", UrlError::Malformed),
        ("/webhooks", UrlError::Malformed),
        ("ftp://shop.example", UrlError::Malformed),
        ("javascript:alert(1)", UrlError::Malformed),
        ("file:///etc/passwd", UrlError::Malformed),
        ("http://shop.example", UrlError::NotHttps),
        ("https://user@shop.example", UrlError::Userinfo),
        ("https://user:word@shop.example", UrlError::Userinfo),
        ("https://shop.example/#part", UrlError::Fragment),
        ("https://shop.example:22/", UrlError::Port),
        ("https://shop.example:0/", UrlError::Port),
        ("https://127.0.0.1/", UrlError::Private),
        // The same address in the forms that the HTTP client understands too.
        ("https://2130706433/", UrlError::Private),
        ("https://0x7f.1/", UrlError::Private),
        ("https://127.1/", UrlError::Private),
        ("https://[::1]/", UrlError::Private),
        ("https://[::ffff:10.0.0.1]/", UrlError::Private),
        ("https://169.254.169.254/latest/meta-data", UrlError::Private),
        ("https://localhost/", UrlError::Private),
        ("https://LOCALHOST./", UrlError::Private),
        ("https://a.localhost/", UrlError::Private),
        ("https://printer/", UrlError::Private),
        ("https://metadata.google.internal/", UrlError::Private),
        (&long, UrlError::TooLong),
    ] {
        assert_eq!(read(wrong), Err(error), "{wrong}");
    }
    let anything = Permitted { private: true, http: true };
    for allowed in ["http://127.0.0.1:3000/hook", "http://localhost:3000/", "https://10.0.0.1/"] {
        assert!(TargetUrl::parse(allowed, anything).is_ok(), "{allowed}");
    }
    assert_eq!(TargetUrl::parse("http://10.0.0.1/", Permitted { private: true, http: false }), Err(UrlError::NotHttps));
}

#[test]
fn a_failing_event_is_tried_for_three_days() {
    let (schedule, mut now, mut attempts) = (Schedule::default(), Timestamp::from_epoch_ms(0), 1);
    let mut pauses_s = Vec::new();
    while let Next::Again { at } = schedule.after(attempts, now, NONE, None) {
        pauses_s.push((at.epoch_ms() - now.epoch_ms()) / 1_000);
        (now, attempts) = (at, attempts + 1);
    }
    assert_eq!(pauses_s, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    assert_eq!(attempts, 10);
    let three_days_ms = 3 * 24 * 60 * 60 * 1_000;
    let passed_ms = now.ms_since(Timestamp::from_epoch_ms(0));
    assert!((three_days_ms..FAILING_LIMIT_MS).contains(&passed_ms), "{now:?}");
    assert_eq!(schedule.after(u32::MAX, now, NONE, Some(5)), Next::GiveUp);
}

#[test]
fn a_pause_is_up_to_a_tenth_longer_and_the_receiver_may_ask_for_a_longer_one() {
    let (schedule, now) = (Schedule::default(), Timestamp::from_epoch_ms(1_000));
    let pause = |jitter, asked| match schedule.after(2, now, Jitter(jitter), asked) {
        Next::Again { at } => at.epoch_ms() - now.epoch_ms(),
        Next::GiveUp => panic!("the second attempt is not the last one"),
    };
    assert_eq!((pause(0, None), pause(50, None), pause(100, None)), (300_000, 315_000, 330_000));
    for jitter in [1, 57, 101, 201, 12_345, u32::MAX] {
        assert!((300_000..=330_000).contains(&pause(jitter, None)), "{jitter}");
    }
    assert_eq!(pause(0, Some(10)), 300_000, "a shorter pause is not granted");
    assert_eq!(pause(0, Some(600)), 600_000);
    assert_eq!(pause(0, Some(u32::MAX)), i64::from(MAX_RETRY_AFTER_S) * 1_000, "and not a pause for ever");
}

#[test]
fn an_overloaded_receiver_is_left_alone_for_a_while() {
    let now = Timestamp::from_epoch_ms(5);
    for status in [429, 502, 503, 504] {
        assert_eq!(pause_of(status, Some(30), now), Some(now.plus_ms(30_000)), "{status}");
    }
    assert_eq!(pause_of(503, Some(u32::MAX), now), Some(now.plus_ms(MAX_PAUSE_MS)));
    assert_eq!(pause_of(503, None, now), None);
    assert_eq!(pause_of(500, Some(30), now), None);
}

#[test]
fn an_endpoint_is_dead_after_five_days_of_failures() {
    let since = Timestamp::from_epoch_ms(1_000);
    assert!(!is_failing_for_too_long(since, since.plus_ms(FAILING_LIMIT_MS - 1)));
    assert!(is_failing_for_too_long(since, since.plus_ms(FAILING_LIMIT_MS)));
}

#[test]
fn a_status_decides_what_an_attempt_came_to() {
    for (status, outcome) in [
        (200, AttemptOutcome::Delivered),
        (204, AttemptOutcome::Delivered),
        (299, AttemptOutcome::Delivered),
        (301, AttemptOutcome::Redirect),
        (304, AttemptOutcome::Redirect),
        (400, AttemptOutcome::BadStatus),
        (410, AttemptOutcome::Gone),
        (429, AttemptOutcome::BadStatus),
        (500, AttemptOutcome::BadStatus),
        (101, AttemptOutcome::BadStatus),
        (999, AttemptOutcome::BadStatus),
    ] {
        assert_eq!(AttemptOutcome::of_status(status), outcome, "{status}");
    }
    for outcome in AttemptOutcome::ALL {
        assert_eq!(AttemptOutcome::parse(outcome.as_str()), Some(outcome));
    }
}

#[test]
fn a_schedule_has_an_end() {
    assert!(Schedule::try_new(vec![]).is_err());
    assert!(Schedule::try_new(vec![0; 31]).is_err());
    assert!(Schedule::try_new(vec![0, MAX_RETRY_AFTER_S + 1]).is_err());
    assert!(Schedule::try_new(vec![0, 1, 1]).is_ok());
}
