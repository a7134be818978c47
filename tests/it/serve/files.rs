//! What is served as files: the log, the two pages; and which pages of other hosts may ask what.

use personhood::serve::HolderPages;

use super::*;

/// A service over [`world`] with a log and the holder's page.
fn with_files(log: Option<PathBuf>, holder: Option<HolderPages>) -> Bench {
    let folder = TempDir::new().unwrap();
    let running = Service {
        apps: Apps::from_toml(APPS).unwrap(),
        roll: Box::new(RegistryRoll::new(Registry::open(world().store.clone()).unwrap()).unwrap()),
        nullifiers: Box::new(SqliteNullifiers::open_or_create(folder.path().join("nullifiers")).unwrap()),
        keys: keys(),
        issuer: Some(Issuer::from_secret(&[7; 32])),
        desk: None,
        holder,
        log,
        limits: Limits { threads: 1, requests_per_second: None, ..Limits::default() },
        clock,
    }
    .start()
    .unwrap();
    Bench { router: running.router(), running, _folder: folder }
}

#[cfg(feature = "log")]
#[tokio::test]
async fn the_log_is_served_as_it_lies_there_and_nothing_beside_it() {
    use personhood::log::{LogFolder, LogSigningKey, LogWriter, audit};
    use personhood::registry::logged;
    let place = TempDir::new().unwrap();
    let (folder, copy) = (place.path().join("log"), place.path().join("copy"));
    std::fs::write(place.path().join("log.key"), "a secret").unwrap();
    let key = LogSigningKey::generate("registry.example/people", &mut rand_core::OsRng).unwrap();
    let public = key.public();
    let first = logged::first_entries(&world().store, &public, NOW).unwrap();
    let mut writer = LogWriter::create(&folder, key, &first).unwrap();
    logged::catch_up(&world().store, &mut writer).unwrap();
    let size = writer.log().size();
    drop(writer);

    let bench = with_files(Some(folder.clone()), None);
    let checkpoint = bench.get("/log/checkpoint").await;
    assert_eq!(checkpoint.status, 200);
    assert_eq!(checkpoint.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(checkpoint.headers[header::CACHE_CONTROL], "no-cache");
    // What is fetched over HTTP is a log that an auditor accepts.
    let tiles = [format!("tile/entries/000.p/{size}"), format!("tile/0/000.p/{size}")];
    for name in &tiles {
        let tile = bench.get(&format!("/log/{name}")).await;
        assert_eq!(tile.status, 200, "{name}");
        assert_eq!(tile.headers[header::CONTENT_TYPE], "application/octet-stream");
        assert!(tile.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let file = copy.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, tile.body).unwrap();
    }
    std::fs::write(copy.join("checkpoint"), checkpoint.body).unwrap();
    audit(&copy, &public).unwrap();
    assert_eq!(LogFolder::open(&copy, &public).unwrap().size(), size);

    let nothing = [
        "/log/log.key",
        "/log/lock",
        "/log/tile/../../log.key",
        "/log/tile/%2e%2e/%2e%2e/log.key",
        "/log/tile/0/001",
        "/log/tile/0%2f000",
        "/log/tile/",
        "/log/checkpoint.witnessed",
        "/log/",
    ];
    for path in nothing {
        let answer = bench.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{path}");
    }
    let without = Bench::new();
    let answer = without.get("/log/checkpoint").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "no_log"));
}

#[tokio::test]
async fn pages_of_other_hosts_may_ask_what_is_public_and_nothing_else() {
    let bench = with_files(None, None);
    let ask = |path: &'static str, method: Method| {
        let bench = &bench;
        async move {
            let headers = [
                (header::ORIGIN, "https://shop.example"),
                (header::ACCESS_CONTROL_REQUEST_METHOD, "POST"),
                (header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type"),
            ];
            bench.send_with(method, path, &headers, "").await
        }
    };
    let public = [
        "/api/v2/verify/app_test",
        "/api/v4/verify/rp_test",
        "/api/v1/precheck/app_test",
        "/api/v1/roots",
        "/api/v1/jwks",
        "/v3/identities/0x00/inclusion-proof/mined",
        "/inclusionProof",
        "/v3/semaphore-proof/verify",
        "/log/checkpoint",
        "/log/tile/0/000",
        "/health",
        "/openapi.json",
    ];
    for path in public {
        let first = ask(path, Method::OPTIONS).await;
        assert_eq!(first.status, 204, "{path}");
        assert_eq!(first.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(first.headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
        assert!(!first.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        // Refusals too: a page has to read why.
        let answer = ask(path, Method::POST).await;
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
    }
    let closed = [
        "/metrics",
        "/readyz",
        "/api/v1/requests/app_test",
        "/v3/identities/0x00",
        "/api/desk/session",
        "/api/desk/enrol",
        "/api/desk/people/1/erase",
        "/desk/",
        "/holder/",
        "/nothing",
    ];
    for path in closed {
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            let answer = ask(path, method.clone()).await;
            assert!(answer.status != 204 && answer.status != 500, "{method} {path}: {}", answer.status);
            assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{method} {path}");
        }
    }
}

/// Addresses that a page or a module names, relative to it.
fn named_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for front in ["href=\"", "src=\"", "from \""] {
        names.extend(text.split(front).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    names.retain(|name| !name.starts_with(['#', '/']));
    names
}

#[tokio::test]
async fn the_console_is_whole_and_loads_nothing_from_elsewhere() {
    let bench = with_files(None, None);
    let moved = bench.get("/desk").await;
    assert_eq!(
        (moved.status.as_u16(), &moved.headers[header::LOCATION]),
        (308, &header::HeaderValue::from_static("/desk/"))
    );
    let page = bench.get("/desk/").await;
    assert_eq!(
        (page.status.as_u16(), &page.headers[header::CONTENT_TYPE]),
        (200, &header::HeaderValue::from_static("text/html; charset=utf-8"))
    );
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert!(
        !html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick=") && !html.contains("http")
    );
    let mut names = named_in(&html);
    let mut seen = std::collections::BTreeSet::new();
    while let Some(name) = names.pop() {
        let name = name.trim_start_matches("./").to_owned();
        if !seen.insert(name.clone()) {
            continue;
        }
        let file = bench.get(&format!("/desk/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
        let kind = file.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with(match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript",
            "css" => "text/css",
            _ => "image/svg+xml",
        }));
        if kind.starts_with("text/javascript") {
            names.extend(named_in(std::str::from_utf8(&file.body).unwrap()));
        }
    }
    assert!(seen.len() >= 7, "{seen:?}");
    // Whoever has it is told so.
    let tag = page.headers[header::ETAG].to_str().unwrap().to_owned();
    let again = bench.send_with(Method::GET, "/desk/", &[(header::IF_NONE_MATCH, &tag)], "").await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let other = bench.send_with(Method::GET, "/desk/", &[(header::IF_NONE_MATCH, "\"x\"")], "").await;
    assert_eq!((other.status.as_u16(), other.body), (200, page.body));
}

#[tokio::test]
async fn the_holders_page_is_that_of_the_package_or_it_is_said_that_there_is_none() {
    let bench = with_files(None, None);
    bench.get("/holder/").await.golden("no_pages");
    let package = TempDir::new().unwrap();
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("js");
    for folder in ["holder", "wasm"] {
        std::fs::create_dir(package.path().join(folder)).unwrap();
    }
    for name in ["index.html", "holder.css", "holder.js", "scan.js", "icon.svg"] {
        std::fs::copy(source.join("holder").join(name), package.path().join("holder").join(name)).unwrap();
    }
    for name in ["error.js", "module.js", "prover.js", "signal.js", "worker.js"] {
        std::fs::copy(source.join(name), package.path().join(name)).unwrap();
    }
    // Not built yet.
    let error = HolderPages::open(package.path()).unwrap_err();
    assert_eq!(error.code(), "pages_unreadable");
    assert!(error.to_string().contains("node js/build.mjs"), "{error}");
    std::fs::write(package.path().join("wasm/personhood_prover.js"), "// glue").unwrap();
    std::fs::write(package.path().join("wasm/personhood_prover_bg.wasm"), "\0asm").unwrap();
    std::fs::write(package.path().join("package.json"), "{}").unwrap();
    let bench = with_files(None, Some(HolderPages::open(package.path()).unwrap()));
    assert_eq!(bench.get("/holder").await.headers[header::LOCATION], "/holder/");
    assert_eq!(bench.get("/holder/").await.headers[header::LOCATION], "/holder/page/");
    let page = bench.get("/holder/page/").await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("'wasm-unsafe-eval'") && !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'")
    );
    for name in named_in(std::str::from_utf8(&page.body).unwrap()) {
        assert_eq!(bench.get(&format!("/holder/page/{name}")).await.status, 200, "{name}");
    }
    let module = bench.get("/holder/wasm/personhood_prover_bg.wasm").await;
    assert_eq!(
        (module.status.as_u16(), &module.headers[header::CONTENT_TYPE]),
        (200, &header::HeaderValue::from_static("application/wasm"))
    );
    for path in ["/holder/package.json", "/holder/page/../package.json", "/holder/build.mjs", "/holder/wasm/"] {
        assert_eq!(bench.get(path).await.status, 404, "{path}");
    }
}
