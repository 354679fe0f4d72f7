//! Which library functions have a checked form that `_FORTIFY_SOURCE` selects, as
//! glibc 2.41 has them.

use std::collections::BTreeSet;

/// Functions with a `__<name>_chk`, in order.
const FORTIFIABLE: [&str; 88] = [
    "asprintf",
    "confstr",
    "dprintf",
    "explicit_bzero",
    "fdelt",
    "fgets",
    "fgets_unlocked",
    "fgetws",
    "fgetws_unlocked",
    "fprintf",
    "fread",
    "fread_unlocked",
    "fwprintf",
    "getcwd",
    "getdomainname",
    "getgroups",
    "gethostname",
    "getlogin_r",
    "gets",
    "getwd",
    "inet_ntop",
    "inet_pton",
    "longjmp",
    "mbsnrtowcs",
    "mbsrtowcs",
    "mbstowcs",
    "memcpy",
    "memmove",
    "mempcpy",
    "memset",
    "mq_open",
    "obstack_printf",
    "obstack_vprintf",
    "open",
    "open64",
    "openat",
    "openat64",
    "poll",
    "ppoll",
    "pread",
    "pread64",
    "printf",
    "ptsname_r",
    "read",
    "readlink",
    "readlinkat",
    "realpath",
    "recv",
    "recvfrom",
    "snprintf",
    "sprintf",
    "stpcpy",
    "stpncpy",
    "strcat",
    "strcpy",
    "strlcat",
    "strlcpy",
    "strncat",
    "strncpy",
    "swprintf",
    "syslog",
    "ttyname_r",
    "vasprintf",
    "vdprintf",
    "vfprintf",
    "vfwprintf",
    "vprintf",
    "vsnprintf",
    "vsprintf",
    "vswprintf",
    "vsyslog",
    "vwprintf",
    "wcpcpy",
    "wcpncpy",
    "wcrtomb",
    "wcscat",
    "wcscpy",
    "wcslcat",
    "wcslcpy",
    "wcsncat",
    "wcsncpy",
    "wcsnrtombs",
    "wcsrtombs",
    "wcstombs",
    "wctomb",
    "wmemcpy",
    "wmemmove",
    "wmempcpy",
];

/// The functions that are called in checked form, and those that could be.
pub(super) fn split(imported: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let checked = |name: &str| {
        let inner = name.strip_prefix("__")?;
        // `open` and `openat` are checked by functions of another name.
        let inner = inner.strip_suffix("_chk").or_else(|| inner.strip_suffix("_2"))?;
        (inner != "stack" && !inner.contains("stack_")).then(|| inner.to_owned())
    };
    let fortified: BTreeSet<String> = imported.iter().filter_map(|name| checked(name)).collect();
    let plain = imported.iter().filter(|name| FORTIFIABLE.contains(&name.as_str()));
    (fortified.into_iter().collect(), plain.cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_calls_are_told_from_plain_ones() {
        let names = ["__memcpy_chk", "__open64_2", "__stack_chk_fail", "strcpy", "puts", "__isoc99_sscanf"];
        let imported = names.map(str::to_owned).into_iter().collect();
        let expected = (vec!["memcpy".to_owned(), "open64".to_owned()], vec!["strcpy".to_owned()]);
        assert_eq!(split(&imported), expected);
    }

    #[test]
    fn the_list_is_ordered_and_without_repetition() {
        assert!(FORTIFIABLE.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
