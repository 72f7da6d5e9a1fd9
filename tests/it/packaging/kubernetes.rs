//! `deploy/`: the manifests are valid, confined, and what they configure is a gateway that runs.
//!
//! No cluster runs here: what reads the manifests are kubectl's kustomize, Helm, the schemas of
//! Kubernetes' own API and checkov, and the containers' programs are started without containers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize as _;
use serde_yaml::Value;

use crate::support::process::{run, run_for};
use crate::support::temp::free_port;
use crate::support::users::{self, User};
use crate::support::{Process, RedisServer, Request, TempDir, Upstream, doorward, until};

use super::{file, read, tool};

const OVERLAYS: [&str; 2] = ["gateway", "sidecar"];

/// What checkov says of everybody, and why it stays.
const ACCEPTED: [&str; 7] = [
    "CKV_K8S_8",  // a sidecar's app listens where no probe of the kubelet comes,
    "CKV_K8S_9",  // and its owner knows another one; the gateway's are asked below
    "CKV_K8S_11", // no limit of CPU: it makes requests wait on an idle node
    "CKV_K8S_15", // a tag that is never moved is not pulled again
    "CKV_K8S_21", // the namespace is the operator's, by kubectl --namespace
    "CKV_K8S_35", // Redis has no way to take its password from a file
    "CKV_K8S_43", // a digest is known only once an image is pushed; the chart takes one
];

fn succeed(command: &mut Command) -> String {
    let output = run_for(command, "", Duration::from_secs(120));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn kustomized(overlay: &str) -> Option<String> {
    let mut command = Command::new(tool("kubectl")?);
    command.arg("kustomize");
    command.arg(file("deploy/kustomize").join(overlay));
    Some(succeed(&mut command))
}

/// Helm, in a home of its own.
fn helm(verb: &[&str], home: &TempDir) -> Option<Command> {
    let mut command = Command::new(tool("helm")?);
    command.env("HOME", home.path()).args(verb);
    command.arg(file("deploy/chart"));
    Some(command)
}

/// The chart with a file of `ci/`, none for the defaults.
fn charted(values: Option<&str>) -> Option<String> {
    let home = TempDir::new();
    let mut command = helm(&["template", "doorward"], &home)?;
    if let Some(values) = values {
        command.arg("--values");
        command.arg(file("deploy/chart/ci").join(values));
    }
    Some(succeed(&mut command))
}

fn objects(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|object| !object.is_null())
        .collect()
}

/// What means the same reads the same: lists of named things by name, our configuration as it is
/// understood, and without the labels that Helm gives.
fn normal(value: &mut Value) {
    match value {
        Value::Mapping(entries) => {
            for label in [
                "app.kubernetes.io/version",
                "app.kubernetes.io/managed-by",
                "helm.sh/chart",
            ] {
                entries.remove(label);
            }
            if let Some(text) = entries.get_mut("doorward.yaml") {
                *text = serde_yaml::from_str(text.as_str().unwrap()).unwrap();
            }
            entries.values_mut().for_each(normal);
        }
        Value::Sequence(items) => {
            items.iter_mut().for_each(normal);
            items.sort_by_key(|item| item.get("name").and_then(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
}

fn normalised(text: &str) -> BTreeMap<String, Value> {
    let named = |mut object: Value| {
        normal(&mut object);
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let name = format!(
            "{} {}",
            word(&object["kind"]),
            word(&object["metadata"]["name"])
        );
        (name, object)
    };
    objects(text).into_iter().map(named).collect()
}

#[test]
fn the_chart_renders_what_the_kustomizations_have() {
    for (overlay, values) in OVERLAYS
        .into_iter()
        .zip([None, Some("sidecar-values.yaml")])
    {
        let (Some(ours), Some(charted)) = (kustomized(overlay), charted(values)) else {
            return;
        };
        let (ours, charted) = (normalised(&ours), normalised(&charted));
        let names = |of: &BTreeMap<String, Value>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&charted), "{overlay}");
        for (name, object) in &ours {
            assert_eq!(object, &charted[name], "{overlay}: {name}");
        }
    }
}

#[test]
fn three_versions_of_kubernetes_take_the_manifests() {
    let dir = TempDir::new();
    let rendered = || {
        Some([
            ("base.yaml", kustomized("base")?),
            ("gateway.yaml", kustomized("gateway")?),
            ("sidecar.yaml", kustomized("sidecar")?),
            ("every.yaml", charted(Some("every-values.yaml"))?),
        ])
    };
    let (Some(program), Some(rendered)) = (tool("kubernetes-validate"), rendered()) else {
        return;
    };
    let wrong = rendered[0]
        .1
        .replace("readOnlyRootFilesystem", "readOnlyRoot");
    let wrong = dir.write("wrong.yaml", wrong);
    let paths = rendered.map(|(name, text)| dir.write(name, text));
    let validate = |version: &str, paths: &[PathBuf]| {
        let mut command = Command::new(&program);
        command.args(["--strict", "--kubernetes-version", version]);
        run_for(command.args(paths), "", Duration::from_secs(120))
    };
    for version in ["1.30", "1.33", "1.35"] {
        let output = validate(version, &paths);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{version}: {said}");
    }
    let output = validate("1.35", &[wrong]);
    assert!(!output.status.success(), "it validates nothing");
}

/// The pod templates of some manifests.
fn pods(text: &str) -> Vec<Value> {
    objects(text)
        .into_iter()
        .filter_map(|object| {
            object["spec"]
                .get("template")
                .map(|pod| pod["spec"].clone())
        })
        .collect()
}

#[test]
fn pods_are_restricted() {
    let rendered = || {
        Some([
            kustomized("gateway")?,
            kustomized("sidecar")?,
            charted(Some("every-values.yaml"))?,
        ])
    };
    let (Some(program), Some(rendered)) = (tool("checkov"), rendered()) else {
        return;
    };
    let dir = TempDir::new();
    for (at, text) in rendered.iter().enumerate() {
        for pod in pods(text) {
            // https://kubernetes.io/docs/concepts/security/pod-security-standards/, "restricted".
            assert_eq!(pod["automountServiceAccountToken"], false);
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(
                pod["securityContext"]["seccompProfile"]["type"],
                "RuntimeDefault"
            );
            for container in pod["containers"].as_sequence().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{container:?}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{container:?}");
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{container:?}");
            }
        }
        dir.write(&format!("{at}.yaml"), text);
    }
    let mut command = Command::new(program);
    command.args(["--framework", "kubernetes", "--compact", "--quiet"]);
    command.args(["--skip-check", &ACCEPTED.join(",")]);
    command.arg("--directory").arg(dir.path());
    command.env("HOME", dir.path());
    let output = run_for(&mut command, "", Duration::from_secs(120));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

/// Where a value stands, by its keys from the outside in.
type Place = Vec<String>;

/// What is no mapping, and where.
fn leaves(value: &Value) -> Vec<Place> {
    let Some(entries) = value.as_mapping() else {
        return vec![Place::new()];
    };
    let below = entries.iter().flat_map(|(name, value)| {
        let name = name.as_str().unwrap();
        let below = leaves(value).into_iter();
        below.map(|place| [vec![name.to_owned()], place].concat())
    });
    below.collect()
}

/// Without this leaf its default counts; a switch is turned.
fn change(values: &mut Value, place: &[String]) {
    match place {
        [name] => match values[name.as_str()].as_bool() {
            Some(on) => values[name.as_str()] = Value::Bool(!on),
            None => drop(values.as_mapping_mut().unwrap().remove(name.as_str())),
        },
        [name, below @ ..] => change(&mut values[name.as_str()], below),
        [] => unreachable!(),
    }
}

#[test]
fn every_value_of_the_chart_counts() {
    let dir = TempDir::new();
    if helm(&["version"], &dir).is_none() {
        return;
    }
    let values = |path: &str| -> Value { serde_yaml::from_str(&read(path)).unwrap() };
    let mut replicas = values("deploy/chart/ci/every-values.yaml");
    let names = |of: &Value| {
        let names = of.as_mapping().unwrap().keys();
        let names = names.map(|name| name.as_str().unwrap().to_owned());
        names.collect::<BTreeSet<_>>()
    };
    let defaults = values("deploy/chart/values.yaml");
    assert_eq!(names(&replicas), names(&defaults));
    for name in names(&defaults) {
        let (given, default) = (&replicas[name.as_str()], &defaults[name.as_str()]);
        if default.is_mapping() && name != "config" {
            let lacks: Vec<_> = names(default).difference(&names(given)).cloned().collect();
            assert!(lacks.is_empty(), "nobody tries {lacks:?} of {name}");
        }
    }
    // A sidecar and its volume come instead of the replicas and their Redis; a digest beats a tag.
    let mut sidecar = values("deploy/chart/ci/sidecar-values.yaml");
    let mut take = |name: &str| replicas.as_mapping_mut().unwrap().remove(name).unwrap();
    take("sidecar");
    sidecar["persistence"] = take("persistence");
    sidecar["image"] = Value::Mapping(Default::default());
    let image = replicas["image"].as_mapping_mut().unwrap();
    sidecar["image"]["tag"] = image.remove("tag").unwrap();

    let render = |values: &Value| {
        let path = dir.write("values.yaml", serde_yaml::to_string(values).unwrap());
        let mut command = helm(&["template", "doorward"], &dir).unwrap();
        command.arg("--values").arg(path);
        run_for(&mut command, "", Duration::from_secs(120))
    };
    for values in [replicas, sidecar] {
        let with = render(&values);
        let said = String::from_utf8_lossy(&with.stderr);
        assert!(with.status.success(), "{said}");
        for place in leaves(&values) {
            let mut values = values.clone();
            change(&mut values, &place);
            let name = place.join(".");
            let counts = with.stdout != render(&values).stdout;
            assert!(counts, "{name} counts for nothing");
        }
    }
}

#[test]
fn the_labels_of_the_app_are_those_that_are_given_and_no_others() {
    let Some(text) = charted(Some("every-values.yaml")) else {
        return;
    };
    let policies = normalised(&text);
    let shop: Value = serde_yaml::from_str("{ matchLabels: { app: shop } }").unwrap();
    let of_the_app = &policies["NetworkPolicy doorward-app"]["spec"];
    assert_eq!(of_the_app["podSelector"], shop);
    let egress = &policies["NetworkPolicy doorward"]["spec"]["egress"];
    let egress = egress.as_sequence().unwrap();
    let elsewhere: Value = serde_yaml::from_str("{ ipBlock: { cidr: 10.9.0.0/16 } }").unwrap();
    let goes: Vec<_> = egress.iter().map(|rule| &rule["to"][0]).collect();
    assert!(goes.contains(&&elsewhere), "{egress:?}");
    assert!(
        goes.iter().any(|to| to["podSelector"] == shop),
        "{egress:?}"
    );
}

#[test]
fn a_wrong_value_of_the_chart_is_refused() {
    let dir = TempDir::new();
    for (set, said) in [
        ("replicas=many", "/replicas"),
        ("replica=3", "'replica' not allowed"),
        ("image.digest=abc", "/image/digest"),
        ("config.upstream=app:3000", "/config/upstream"),
        ("redis.storage=much", "/redis/storage"),
        // The Service, the probes and the policy know these ports.
        ("config.listen[0]=0.0.0.0:80", "/config/listen"),
        ("config.admin.listen=0.0.0.0:81", "/config/admin/listen"),
        ("podSecurityContext.runAsUser=0", "/podSecurityContext"),
        // What would start, and yet be wrong.
        ("redis.enabled=false", "2 replicas share no sessions"),
        ("sidecar.name=app,sidecar.image=app", "not in this pod"),
    ] {
        let Some(mut command) = helm(&["lint", "--strict"], &dir) else {
            return;
        };
        let output = run(command.args(["--set", set]), "");
        let output = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.contains(said), "{set}: {output}");
    }
    for right in [
        "replicas=2",
        "redis.enabled=false,replicas=1",
        "redis.enabled=false,env[0].name=DOORWARD_SESSION_STORE_REDIS_URL,env[0].value=redis://a",
        "redis.enabled=false,config.session.store.redis.url=redis://a",
    ] {
        let mut command = helm(&["lint", "--strict"], &dir).unwrap();
        succeed(command.args(["--set", right]));
    }
}

/// A cluster that gives each namespace a user of its own takes no pod that names another.
#[test]
fn the_pods_name_no_user_where_the_cluster_does() {
    let dir = TempDir::new();
    let Some(mut command) = helm(&["template", "doorward"], &dir) else {
        return;
    };
    command.args([
        "--set",
        "podSecurityContext=null,redis.podSecurityContext=null",
    ]);
    let rendered = succeed(&mut command);
    assert_eq!(pods(&rendered).len(), 2);
    for pod in pods(&rendered) {
        let context = pod["securityContext"].as_mapping().unwrap();
        assert_eq!(context["runAsNonRoot"], true);
        for name in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert!(!context.contains_key(name), "{name}: {context:?}");
        }
    }
}

/// Every command of the page that does not need a cluster, with what it names.
#[test]
fn the_page_installs_what_is_there() {
    let page = read("docs/start-kubernetes.md");
    let dir = TempDir::new();
    let mut seen = 0;
    for line in page.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let (program, arguments) = match words[..] {
            ["kubectl", "apply", "-k", folder] => ("kubectl", vec!["kustomize", folder]),
            ["helm", "install", ref rest @ ..] => ("helm", [&["template"], rest].concat()),
            _ => continue,
        };
        let Some(program) = tool(program) else {
            return;
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(file(""))
            .env("HOME", dir.path());
        assert!(succeed(&mut command).contains("kind: Deployment"), "{line}");
        seen += 1;
    }
    assert_eq!(seen, 4, "the page has lost its commands");
}

/// The container's environment, with what the kubelet would put into it.
fn environment(container: &Value, password: &str) -> Vec<(String, String)> {
    let list = container["env"].as_sequence().cloned().unwrap_or_default();
    list.iter()
        .map(|variable| {
            let value = variable["value"].as_str().unwrap_or(password);
            let value = value.replace("$(REDIS_PASSWORD)", password);
            (variable["name"].as_str().unwrap().to_owned(), value)
        })
        .collect()
}

/// Starts what a pod of the overlay starts, as far as it is ours, and signs in there.
#[track_caller]
fn runs(overlay: &str) {
    const PASSWORD: &str = "a-password-of-this-test";
    let Some(text) = kustomized(overlay) else {
        return;
    };
    let objects = objects(&text);
    let of = |kind: &str| objects.iter().find(|object| object["kind"] == kind);
    let container =
        |kind: &str| of(kind).map(|it| &it["spec"]["template"]["spec"]["containers"][0]);
    let (dir, app) = (TempDir::new(), Upstream::start());
    let mut redis = None;
    if let Some(server) = container("StatefulSet") {
        let words = server["args"].as_sequence().unwrap().iter();
        let words = words.map(|word| {
            word.as_str()
                .unwrap()
                .replace("$(REDIS_PASSWORD)", PASSWORD)
        });
        let words: Vec<_> = words.collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        redis = RedisServer::with(&words);
        if redis.is_none() {
            return;
        }
    }

    let here = dir.path().display();
    let config = of("ConfigMap").unwrap()["data"]["doorward.yaml"]
        .as_str()
        .unwrap();
    let config = config
        .replace("/run/secrets/doorward", &here.to_string())
        .replace("/var/lib/doorward", &here.to_string());
    let config = dir.write("doorward.yaml", config);
    dir.write(
        "users.yml",
        users::section(&[User::alice()]).replace("users:\n", ""),
    );
    dir.write("signing.key", crate::support::token::KEY);
    let gateway = container("Deployment").unwrap();
    let (port, admin) = (free_port(), free_port());
    let mut command = doorward();
    command.args(["run", "--config"]).arg(config);
    for (name, value) in environment(gateway, PASSWORD) {
        let at = redis
            .as_ref()
            .map(|redis| format!("127.0.0.1:{}", redis.port));
        let value = value.replace("doorward-redis:6379", &at.unwrap_or_default());
        command.env(name, value);
    }
    command.env("DOORWARD_UPSTREAM", app.url());
    command.env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"));
    command.env("DOORWARD_ADMIN_LISTEN", format!("127.0.0.1:{admin}"));
    let mut process = Process::spawn(command);
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let path = gateway[probe]["httpGet"]["path"].as_str().unwrap();
        until(probe, || {
            let ended = process.ended();
            assert!(ended.is_none(), "{ended:?}: {}", process.output());
            // The kubelet names the pod by its address.
            let ready = Request::new(admin, "GET", path).try_send();
            ready.is_ok_and(|answer| answer.status == 200)
        });
    }
    let login = Request::new(port, "POST", "/login").own_origin();
    let answer = login
        .form(&format!(
            "username=alice&password={}",
            users::ALICE_PASSWORD
        ))
        .send();
    let cookie = answer.cookie("__Host-doorward").expect("a session");
    let cookie = format!("__Host-doorward={}", cookie.value);
    assert_eq!(
        Request::new(port, "GET", "/").cookie(&cookie).send().status,
        200
    );
    assert_eq!(app.last().all("x-user-name"), ["Alice Example"]);
}

#[test]
fn the_gateway_of_the_sidecar_runs() {
    runs("sidecar");
}

#[test]
fn the_gateway_of_the_replicas_runs_with_their_redis() {
    runs("gateway");
}
