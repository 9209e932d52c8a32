//! Text is the same if and only if the values are, within each type of the standard library, `chrono` and `time`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::num::NonZero;
use std::ops::{Range, RangeInclusive};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::{CacheKey, Float, Head, KeyText, TextPart};

fn same_text<K: CacheKey>(one: &K, two: &K) -> bool {
    let head = Head::new(None, "ns", None, "e");
    let same = KeyText::of(&head, one) == KeyText::of(&head, two);
    assert_eq!(one.same_key(two), same, "both tiers agree");
    assert_eq!(TextPart::of(one).same_key(&TextPart::of(two)), same, "so does the text as a part");
    // Neither value can take a part of the key that follows it.
    let followed =
        |key: &K, next: &str| KeyText::of(&head, &(TextPart::of(key), next)) == KeyText::of(&head, &(key, next));
    assert!(followed(one, "1") && followed(two, "%-"), "the text as a part is that of the value");
    same
}

fn check<K: CacheKey + PartialEq>(one: &K, two: &K) {
    assert_eq!(same_text(one, two), one == two);
}

/// Nanoseconds that are often close to each other, and sometimes beyond a second.
fn nanos() -> impl Strategy<Value = (u64, u32)> {
    (prop_oneof![0_u64..3, any::<u32>().prop_map(u64::from)], prop_oneof![0_u32..3, 0_u32..1_000_000_000])
}

/// Bytes that are often no UTF-8, and often equal paths: text, a control character of two bytes, and its halves.
fn path() -> impl Strategy<Value = PathBuf> {
    let pieces =
        prop::sample::select(vec![b"a" as &[u8], b"/", b"%", b":", b"%C2", b"\xC2\x85", b"\xC2", b"\x85", b"\xFF"]);
    let bytes = prop::collection::vec(pieces, 0..4).prop_map(|pieces| pieces.concat());
    bytes.prop_map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), (-2_i8..3).prop_map(f64::from), Just(-0.0), Just(f64::INFINITY), Just(f64::MIN_POSITIVE)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn durations_and_moments(one in nanos(), two in nanos(), before in any::<[bool; 2]>()) {
        let spans = [one, two].map(|(seconds, nanos)| Duration::new(seconds, nanos));
        check(&spans[0], &spans[1]);
        let moments = [0, 1].map(|at| if before[at] { UNIX_EPOCH - spans[at] } else { UNIX_EPOCH + spans[at] });
        check(&moments[0], &moments[1]);
    }

    #[test]
    fn paths_of_any_bytes(one in path(), two in path()) {
        let [same, equal] = [same_text(&one, &two), one.as_os_str() == two.as_os_str()];
        prop_assert_eq!(same, equal);
        check(&one.as_os_str().to_owned(), &two.as_os_str().to_owned());
    }

    #[test]
    fn floating_point_numbers(one in number(), two in number()) {
        if !one.is_nan() && !two.is_nan() {
            check(&one, &two);
            check(&Float::<f64>::of(&one), &Float::<f64>::of(&two));
            check(&[Some(one), Some(two)], &[Some(two), Some(one)]);
        }
        prop_assert_eq!((one.is_usable(), [Some(one)].is_usable()), (!one.is_nan(), !one.is_nan()));
    }

    #[test]
    fn collections(one in prop::collection::btree_set("[a:%]{0,2}", 0..4), two in prop::collection::btree_set("[a:%]{0,2}", 0..4)) {
        check(&one, &two);
        let map = |set: &BTreeSet<String>| -> BTreeMap<String, Option<usize>> {
            set.iter().map(|key| (key.clone(), (key.len() < 2).then_some(key.len()))).collect()
        };
        check(&map(&one), &map(&two));
        check(&(&one, &two), &(&two, &one));
    }

    #[test]
    fn ranges(bounds in any::<[i8; 4]>(), used in any::<[bool; 2]>()) {
        let [a, b, c, d] = bounds.map(|bound| bound % 3);
        check(&Range { start: a, end: b }, &Range { start: c, end: d });
        let closed = |from: i8, to: i8, used: bool| {
            let mut range = RangeInclusive::new(from, to);
            if used {
                range.by_ref().for_each(drop);
            }
            range
        };
        check(&closed(a, b, used[0]), &closed(c, d, used[1]));
        check(&(closed(a, b, used[0]), c), &(closed(c, d, used[1]), a));
    }

    #[test]
    fn text_behind_pointers(one in "[a:%\u{e9}]{0,3}", two in "[a:%\u{e9}]{0,3}") {
        check::<Cow<'_, str>>(&Cow::Borrowed(&one), &Cow::Owned(two.clone()));
        check(&one.as_bytes(), &two.as_bytes());
        check(&[one.as_str(), two.as_str()].as_slice(), &[two.as_str(), one.as_str()].as_slice());
        prop_assert!(same_text(&Cow::Borrowed(one.as_str()), &Cow::Owned(one.clone())));
    }

    #[test]
    fn numbers_without_zero(one in 1_u128.., two in 1_u128..) {
        check(&NonZero::new(one).unwrap(), &NonZero::new(two).unwrap());
    }
}

#[cfg(feature = "chrono")]
mod of_chrono {
    use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
    use proptest::prelude::*;

    use super::{check, same_text};

    fn time() -> impl Strategy<Value = NaiveTime> {
        let seconds = prop_oneof![0_u32..62, 86_398_u32..86_400];
        let nanos = prop_oneof![0_u32..2, 999_999_999_u32..1_000_000_002, 1_500_000_000_u32..1_500_000_002];
        (seconds, nanos).prop_map(|(seconds, nanos)| {
            NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)
                .or_else(|| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos % 1_000_000_000))
                .unwrap()
        })
    }

    fn date() -> impl Strategy<Value = NaiveDate> {
        prop_oneof![0_u64..3, 700_000_u64..800_000, Just(90_000_000)]
            .prop_map(|days| NaiveDate::MIN.checked_add_days(Days::new(days)).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn dates_and_times(dates in [date(), date()], times in [time(), time()]) {
            check(&dates[0], &dates[1]);
            check(&times[0], &times[1]);
            let moments: [NaiveDateTime; 2] = [0, 1].map(|at| dates[at].and_time(times[at]));
            check(&moments[0], &moments[1]);
            let utc: [DateTime<Utc>; 2] = moments.map(|moment| moment.and_utc());
            check(&utc[0], &utc[1]);
            prop_assert!(same_text(&utc[0], &utc[0]));
        }
    }
}

#[cfg(feature = "time")]
mod of_time {
    use proptest::prelude::*;
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

    use super::check;

    fn moment() -> impl Strategy<Value = (OffsetDateTime, OffsetDateTime)> {
        let nanos = prop_oneof![-2_i128..3, any::<i64>().prop_map(i128::from)];
        (nanos, -11_i8..12).prop_map(|(nanos, hours)| {
            let utc = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            (utc, utc.to_offset(UtcOffset::from_hms(hours, 0, 0).unwrap()))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn dates_and_times((one, other) in moment(), (two, _) in moment()) {
            check(&one, &two);
            check(&one, &other);
            let utc = |moment: OffsetDateTime| UtcDateTime::from_unix_timestamp_nanos(moment.unix_timestamp_nanos()).unwrap();
            check(&utc(one), &utc(two));
            check::<Date>(&one.date(), &two.date());
            check::<Time>(&one.time(), &two.time());
            check(&PrimitiveDateTime::new(one.date(), one.time()), &PrimitiveDateTime::new(two.date(), two.time()));
        }
    }
}
