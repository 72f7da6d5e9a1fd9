//! Floor 4: the configuration. One YAML text in, typed [`settings::Settings`] or every problem out.
//!
//! The text becomes a tree whose nodes know their place (`yaml`); the table of keys says what
//! may stand in it, and the environment is laid over it ([`schema`]); each section reads its
//! part leaf by leaf, into the types that use it (`sections`); what works and may not be meant
//! is told ([`lints`]). Nothing is printed and nothing but files and the captured environment
//! is read.

pub mod lints;
pub mod schema;
mod sections;
pub mod settings;
mod yaml;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use schema::environment::Environment;
pub(crate) use sections::tokens::date;
pub use yaml::problem::{Place, Problem, Problems};

use crate::domain::fault::Fault;
use schema::context::{self, Context, Gathered};
use schema::overlay;
use schema::reader::{Section, Spot};
use sections::{
    csrf, headers, limits, network, notes, policy, sessions, signing, tokens, users, web,
};
use settings::Settings;
use yaml::tree::{self, Node, Shape};

/// Reads the settings from the file, if one is given, and the environment.
///
/// # Errors
/// Everything that is wrong, an unreadable file included; after a syntax error
/// nothing but that, since what follows one is guesswork.
pub fn load(file: Option<&Path>, env: &Environment) -> Result<Settings, Problems> {
    judge(open(file, env)?)
}

/// Where the operators' listener of a gateway with this configuration is, whatever
/// else is wrong with it: a file that was broken after the start must not make a
/// gateway that goes on serving look dead. `None` if there is nothing to go by.
pub fn admin_listen(file: Option<&Path>, env: &Environment) -> Option<SocketAddr> {
    let (settings, _problems) = open(file, env).ok()?;
    Some(settings.admin.listen)
}

/// Where the data of a gateway with this configuration is, whatever else is wrong with it:
/// who ends a session in need may lack the secrets that the gateway itself was given.
///
/// # Errors
/// If the file cannot be read, or is no YAML.
pub fn data_dir_of(file: Option<&Path>, env: &Environment) -> Result<PathBuf, Problems> {
    let (settings, _problems) = open(file, env)?;
    Ok(settings.data_dir)
}

/// Reads what can be read, and notes what is wrong with the rest.
fn open(file: Option<&Path>, env: &Environment) -> Result<(Settings, Gathered), Problems> {
    let Some(file) = file else {
        let cx = Context::new(env, env.dir());
        let root = Node {
            place: Place::Unwritten,
            shape: Shape::Map(Vec::new()),
        };
        return Ok(settle(cx, root));
    };
    let path = env.dir().join(file);
    let cx = Context::new(env, folder(&path));
    let name: Arc<str> = file.display().to_string().into();
    let text = cx
        .read(&path, tree::MAX_BYTES)
        .map_err(|fault| Box::new(Problem::new(Place::File(Arc::clone(&name)), "", fault)))
        .and_then(|bytes| context::text(bytes, &name));
    match text {
        Ok(text) => parse(cx, &text, &name),
        Err(problem) => Err(Problems::new(vec![*problem])),
    }
}

/// The same for a text that is at hand; `file` names it in problems, and its folder is
/// what relative paths count from. It is not opened.
///
/// # Errors
/// As [`load`].
pub fn load_text(text: &str, file: &Path, env: &Environment) -> Result<Settings, Problems> {
    let cx = Context::new(env, folder(&env.dir().join(file)));
    judge(parse(cx, text, &file.display().to_string().into())?)
}

/// Settings with which nothing is wrong, or everything that is.
fn judge((settings, gathered): (Settings, Gathered)) -> Result<Settings, Problems> {
    if gathered.problems.is_empty() {
        Ok(settings)
    } else {
        Err(Problems::new(gathered.problems))
    }
}

fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}

fn parse(cx: Context, text: &str, name: &Arc<str>) -> Result<(Settings, Gathered), Problems> {
    if text.len() > tree::MAX_BYTES {
        let fault = Fault::new(
            format!("is larger than {} bytes", tree::MAX_BYTES),
            "give a smaller file",
        );
        let problem = Problem::new(Place::File(Arc::clone(name)), "", fault);
        return Err(Problems::new(vec![problem]));
    }
    let root = tree::parse(text, name).map_err(Problems::new)?;
    Ok(settle(cx, root))
}

fn settle(cx: Context, mut root: Node) -> (Settings, Gathered) {
    overlay::apply(&cx, &mut root);
    let spot = Spot {
        cx: &cx,
        node: &root,
        path: String::new(),
    };
    let settings = read(&spot.section(""));
    let mut gathered = cx.finish();
    let settings = Settings {
        sources: std::mem::take(&mut gathered.sources),
        secrets: std::mem::take(&mut gathered.secrets),
        lints: std::mem::take(&mut gathered.lints),
        ..settings
    };
    (settings, gathered)
}

/// Every section, each on its own; what is wrong is noted in the context.
fn read(root: &Section<'_>) -> Settings {
    let (listen, listen_passed) = network::listen(root);
    let public_url = root.optional("public_url", web::public_url);
    let upstream = network::upstream(root);
    let mut cookies = sessions::cookies(root, public_url.as_ref());
    let signing = signing::read(root);
    let default_access = policy::default_access(root);
    let trusted_proxies = root.list("trusted_proxies", Vec::new(), web::network);
    let identity_headers = headers::read(root);
    let (rules, rule_places) = policy::rules(root).into_iter().unzip();
    let csrf = csrf::read(root, &mut cookies, &identity_headers);
    let request_id = headers::request_id(root, &identity_headers, &csrf);
    let (session, store, cut_downloads) = sessions::session(root);
    let users = users::read(root, &cookies, &signing, &default_access);
    let settings = Settings {
        tokens: tokens::read(root, &users),
        api: tokens::entrances(root),
        users,
        listen,
        listen_passed,
        extra_hosts: root.list("extra_hosts", Vec::new(), web::extra_host),
        upstream_host: network::upstream_host(root, &upstream),
        upstream_tls: network::upstream_tls(root, &upstream),
        upstream,
        data_dir: data_dir(root),
        threads: limits::threads(root),
        tls: network::tls(root, public_url.as_ref()),
        public_url,
        admin: network::admin(root),
        signing,
        cookies,
        session,
        store,
        cut_downloads,
        paths: policy::paths(root),
        cors: policy::cors(root, &csrf),
        csrf,
        forward_headers: headers::forward(root, &identity_headers),
        request_id,
        identity_headers,
        rules,
        rule_places,
        default_access,
        login: limits::login(root),
        logout: sessions::logout(root),
        trusted_proxies,
        limits: limits::limits(root),
        pages: limits::pages(root),
        log: limits::log(root),
        sources: Vec::new(),
        secrets: Vec::new(),
        lints: Vec::new(),
    };
    network::refuse_collisions(root, &settings);
    notes::defaults(root, &settings);
    settings
}

fn data_dir(root: &Section<'_>) -> PathBuf {
    // Of the sockets in it the name of the operators' is the longest.
    let room = web::MAX_SOCKET_PATH - "/admin.sock".len();
    let Some(spot) = root.get("data_dir") else {
        let path = root.cx.resolve(&Place::Unwritten, "doorward-data");
        if path.as_os_str().len() > room {
            root.missing(
                "data_dir",
                "name a folder whose path is short enough for sockets",
            );
        }
        return path;
    };
    let path = spot.file_path().unwrap_or_default();
    if path.as_os_str().len() > room {
        spot.refuse(Fault::new(
            format!("is longer than {room} bytes as an absolute path, and has no room for sockets"),
            "choose a shorter one",
        ));
    }
    path
}
