//! `wiz cache`: how much space the cache takes, what may go, whether all of it is sound.

use wiz_base::DigestFunction;
use wiz_cas::{Collected, Decision, Item, Share, Store, StoreOptions, Usage, Verified};
use wiz_graph::key::manifest::Manifest;

use crate::arguments::{Cache, CacheCommand, Collect};
use crate::config::{Config, Size};
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::store_error;

mod doctor;
mod serve;

/// Looks after the cache.
///
/// # Errors
/// If it cannot be opened, there is no budget to collect under, or something is damaged.
pub(crate) fn run(config: &Config, cache: &Cache) -> Result<(), CliError> {
    match &cache.command {
        CacheCommand::Stats(stats) => show_usage(config, stats.json),
        CacheCommand::Gc(collect) => collect_garbage(config, collect),
        CacheCommand::Verify(stats) => verify(config, stats.json),
        CacheCommand::Serve(serve) => serve::run(config, serve),
        CacheCommand::Doctor(doctor) => doctor::run(config, doctor),
    }
}

/// The stores that are there, one for each digest function in use.
fn stores(config: &Config) -> Result<Vec<Store>, CliError> {
    let functions = [DigestFunction::Blake3, DigestFunction::Sha256];
    let used = functions.into_iter().filter(|function| Store::exists(&config.cache, *function));
    let open = |function| Store::open(&config.cache, function, &StoreOptions::default());
    used.map(open).collect::<Result<_, _>>().map_err(|error| store_error(&error))
}

fn show_usage(config: &Config, json: bool) -> Result<(), CliError> {
    let stores = stores(config)?;
    let budget = config.file.cache.budget;
    if json {
        let all: serde_json::Map<_, _> = stores.iter().map(usage_json).collect();
        let budget = budget.map(|Size(bytes)| bytes);
        output::result(&serde_json::json!({"stores": all, "budget": budget}).to_string());
        return Ok(());
    }
    output::result(&format!("cache folder `{}`", config.cache.display()));
    let mut total = 0;
    for store in &stores {
        let usage = store.usage();
        total += usage.bytes();
        output::result(&format!("{} digests", store.function().name()));
        for (name, share) in kinds(&usage) {
            output::result(&format!("  {name:<9} {:>9}  {:>10}", share.count, Size(share.bytes)));
        }
        output::result(&format!("  pinned    {:>9}", store.pinned().len()));
    }
    let budget = budget.map_or("no budget".to_owned(), |budget| format!("a budget of {budget}"));
    output::result(&format!("{} in all, {budget}", Size(total)));
    Ok(())
}

fn kinds(usage: &Usage) -> [(&'static str, Share); 5] {
    [
        ("blobs", usage.blobs),
        ("results", usage.results),
        ("trees", usage.trees),
        ("other", usage.other),
        ("damaged", usage.damaged),
    ]
}

fn usage_json(store: &Store) -> (String, serde_json::Value) {
    let usage = store.usage();
    let share = |share: Share| serde_json::json!({"count": share.count, "bytes": share.bytes});
    let mut kinds: serde_json::Map<String, serde_json::Value> =
        kinds(&usage).into_iter().map(|(name, of)| (name.to_owned(), share(of))).collect();
    kinds.insert("pinned".to_owned(), store.pinned().len().into());
    kinds.insert("bytes".to_owned(), usage.bytes().into());
    (store.function().name().to_owned(), kinds.into())
}

fn collect_garbage(config: &Config, collect: &Collect) -> Result<(), CliError> {
    let Some(Size(budget)) = collect.budget.or(config.file.cache.budget) else {
        return Err(CliError::new(Kind::User, "WIZ2100", "nothing says how large the cache may be")
            .hint("give `--budget 20G`, or write `budget = \"20G\"` under `[cache]` in config.toml"));
    };
    let stores = stores(config)?;
    // The stores share the budget by what they take now.
    let usages: Vec<u64> = stores.iter().map(|store| store.usage().bytes()).collect();
    let total: u64 = usages.iter().sum::<u64>().max(1);
    for (store, bytes) in stores.iter().zip(usages) {
        let share = u128::from(budget) * u128::from(bytes) / u128::from(total);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        let explain = |decision: &Decision| {
            if collect.explain {
                output::result(&explained(store, decision));
            }
        };
        match store.collect(share, &mut { explain }).map_err(|error| store_error(&error))? {
            Some(collected) => output::note(&summary(&collected)),
            None => output::note("another process is collecting right now"),
        }
    }
    Ok(())
}

/// `kept: ...  12.3 MB  last used at 1764000000  //pkgs/zlib (x86_64)/tree`.
fn explained(store: &Store, decision: &Decision) -> String {
    let what = match &decision.item {
        Item::Result(key) => {
            let stored = store.peek_result(key);
            let manifest =
                stored.and_then(|stored| serde_json::from_slice::<Manifest>(&stored.manifest).ok());
            manifest.map_or_else(|| format!("result {}", key.hex()), |manifest| manifest.action)
        }
        Item::Tree(root) => format!("expanded tree {}", root.hex()),
    };
    format!("{}\t{}\tused {}\t{what}", decision.verdict, Size(decision.bytes), decision.used)
}

fn summary(collected: &Collected) -> String {
    let (before, after) = (collected.before.bytes(), collected.after.bytes());
    let freed = Size(before.saturating_sub(after));
    let left = collected.after.results.count;
    format!("freed {freed}: {} are left, {left} results among them", Size(after))
}

fn verify(config: &Config, json: bool) -> Result<(), CliError> {
    let mut bad = 0;
    let mut all = serde_json::Map::new();
    for store in stores(config)? {
        let verified = store.verify().map_err(|error| store_error(&error))?;
        bad += verified.bad_blobs.len() + verified.bad_results.len() + verified.bad_trees.len();
        if json {
            all.insert(store.function().name().to_owned(), verified_json(&verified));
        } else {
            show_verified(&store, &verified);
        }
    }
    if json {
        output::result(&serde_json::json!({"stores": all}).to_string());
    }
    if bad == 0 {
        return Ok(());
    }
    Err(CliError::new(Kind::Failed, "WIZ2101", format!("{bad} files or trees of the cache were damaged"))
        .hint("they are set aside, and made again by the builds that need them; check the disk"))
}

fn show_verified(store: &Store, verified: &Verified) {
    let (blobs, results) = (verified.blobs, verified.results);
    let function = store.function().name();
    output::result(&format!(
        "{function}: {} blobs hashed ({}), {} results read",
        blobs.count,
        Size(blobs.bytes),
        results.count
    ));
    let bad = [
        ("blob", &verified.bad_blobs),
        ("result", &verified.bad_results),
        ("expanded tree", &verified.bad_trees),
    ];
    for (kind, names) in bad {
        names.iter().for_each(|name| output::result(&format!("damaged {kind} {name}")));
    }
}

fn verified_json(verified: &Verified) -> serde_json::Value {
    serde_json::json!({
        "blobs": verified.blobs.count,
        "bytes": verified.blobs.bytes,
        "results": verified.results.count,
        "bad_blobs": verified.bad_blobs,
        "bad_results": verified.bad_results,
        "bad_trees": verified.bad_trees,
    })
}
