//! `wiz audit`: which known vulnerabilities the packages of targets or of a bill of
//! materials have, by feeds on disk.

use std::collections::BTreeSet;

use wiz_audit::{AuditError, Bill, Feed, Level, Package, Report, Vex, audit};

use crate::arguments::{Audit, AuditFormat, FailOn, SbomFormat};
use crate::commands::{build, contents};
use crate::config::{self, Config};
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;
use crate::session::evidence::Evidence;

mod documents;
mod table;

/// What a report is about, and by what it was made.
struct Audited<'a> {
    bill: &'a Bill,
    feeds: &'a [Feed],
    report: &'a Report,
    /// As RFC 3339 has it.
    time: String,
}

/// Prints a report to stdout.
///
/// # Errors
/// If something cannot be read, or something is as bad as it must not be.
pub(crate) fn run(config: &Config, arguments: &Audit) -> Result<(), CliError> {
    let failed = |error: AuditError| CliError::of(Kind::User, "WIZ2330", &error);
    let place = |path: &std::path::PathBuf| config.directory.join(path);
    let feeds: Vec<Feed> = arguments
        .feed
        .iter()
        .map(|path| Feed::read(&place(path)))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let statements: Vec<Vex> =
        arguments.vex.iter().map(|path| Vex::read(&place(path))).collect::<Result<_, _>>().map_err(failed)?;
    let bill = bill(config, arguments)?;
    let report = audit(&bill, &feeds, &statements);
    let audited = Audited { bill: &bill, feeds: &feeds, report: &report, time: config::rfc3339_now() };
    match arguments.format {
        AuditFormat::Table => output::results(&table::text(&audited, arguments.all)),
        AuditFormat::Json => output::result(&documents::json(&audited).to_string()),
        AuditFormat::Sarif => output::result(&documents::sarif(&audited).to_string()),
        AuditFormat::OpenVex => output::result(&documents::openvex(&audited)),
    }
    match arguments.fail_on.map(level) {
        Some(level) if report.is_as_bad_as(level) => Err(CliError::new(
            Kind::Failed,
            "WIZ2331",
            format!("something known is as bad as {level} or worse"),
        )
        .hint("update or patch the package, or state by `--vex` why it is not affected")),
        _ => Ok(()),
    }
}

fn level(from: FailOn) -> Level {
    match from {
        FailOn::Low => Level::Low,
        FailOn::Medium => Level::Medium,
        FailOn::High => Level::High,
        FailOn::Critical => Level::Critical,
    }
}

/// The packages of an image that lies in a folder or a registry, by its own database.
fn of_image(config: &Config, arguments: &Audit, subject: &str) -> Result<Bill, CliError> {
    let contents = contents::open(config, &arguments.options, subject)?;
    let database = contents.database.ok_or_else(|| {
        CliError::new(Kind::User, "WIZ2332", format!("`{subject}` has no database of apk's"))
            .hint("of images by others, audit their bill of materials: a CycloneDX or SPDX file")
    })?;
    Bill::parse(subject, database.as_bytes()).map_err(|error| CliError::of(Kind::User, "WIZ2332", &error))
}

/// The packages of a file, or of everything that labels and patterns name.
fn bill(config: &Config, arguments: &Audit) -> Result<Bill, CliError> {
    let failed = |error: AuditError| CliError::of(Kind::User, "WIZ2332", &error);
    if let [subject] = &arguments.subjects[..] {
        let path = config.directory.join(subject);
        if !subject.starts_with("//") && path.is_file() {
            return Bill::read(&path).map_err(failed);
        }
        if !subject.starts_with("//") {
            return of_image(config, arguments, subject);
        }
    }
    let session = Session::open(config, &arguments.options)?;
    let built = session.analyse(&build::patterns(&arguments.subjects)?)?;
    let mut bill = Bill { subject: arguments.subjects.join(" "), packages: Vec::new() };
    let mut seen = BTreeSet::new();
    let mut add = |packages: Vec<Package>| {
        for package in packages {
            if seen.insert((package.name.clone(), package.version.clone())) {
                bill.packages.push(package);
            }
        }
    };
    for (label, evidence) in Evidence::all(&built) {
        match evidence.document(SbomFormat::CycloneDx) {
            Some(document) => {
                let bytes = build::read(config, &session, &built, document)?;
                let (mut packages, stated) =
                    (Bill::parse(&label, &bytes).map_err(failed)?.packages, evidence.stated());
                for package in &mut packages {
                    package.stated =
                        stated.get(&package.origin).map(|it| it.stated.clone()).unwrap_or_default();
                }
                add(packages);
            }
            None => add(evidence.audited()),
        }
    }
    if bill.packages.is_empty() {
        return Err(CliError::new(
            Kind::User,
            "WIZ2332",
            format!("nothing is known of packages in `{}`", bill.subject),
        )
        .hint("name images, packages, patterns of them such as `//pkgs/...`, or a file"));
    }
    Ok(bill)
}
