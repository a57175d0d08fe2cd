//! Finds the imports between the files of a crate, and circles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// The path of a module: `["panel", "tiles", "probe"]`. Empty for the root of the crate.
pub(crate) type Module = Vec<String>;

/// Each module with the modules that it uses, by `use` or by a path within the code.
pub(crate) struct Imports(BTreeMap<Module, BTreeSet<Module>>);

impl Imports {
    /// Reads the imports of the sources in a folder of this package.
    pub(crate) fn of(folder: &str) -> Self {
        let sources: BTreeMap<Module, String> = super::sources(folder)
            .into_iter()
            .map(|(path, text)| (module(&path, folder), super::code(&path, &text)))
            .filter(|(_, code)| !code.is_empty())
            .collect();
        let paths: BTreeMap<&Module, BTreeSet<Named>> =
            sources.iter().map(|(module, code)| (module, paths(module, code))).collect();
        // Code can also name an item through a module that imports the item. All modules can do so
        // if the import is exported (`pub use`), otherwise only the children of the importing
        // module. `names` maps each imported name to the target of the import.
        let mut names: BTreeMap<Module, Module> = BTreeMap::new();
        for (module, paths) in &paths {
            for (name, path) in paths.iter().filter_map(|it| Some((it.name.as_ref()?, &it.path))) {
                names
                    .insert([module.as_slice(), std::slice::from_ref(name)].concat(), path.clone());
            }
        }
        let home = |path: &Module| home(path, &sources, &names);
        let edges = paths.iter().map(|(module, paths)| {
            let used = paths.iter().filter_map(|it| home(&it.path));
            ((*module).clone(), used.filter(|it| it != *module).collect())
        });
        Self(edges.collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Pairs of a module and another top-level module that the first module uses.
    pub(crate) fn between_rooms(&self) -> impl Iterator<Item = (&Module, &String)> {
        let edges =
            self.0.iter().flat_map(|(module, used)| used.iter().map(move |it| (module, it)));
        edges.filter_map(|(module, used)| {
            let (from, to) = (module.first()?, used.first()?);
            (from != to).then_some((module, to))
        })
    }

    /// Returns the shortest circle of imports for each module that imports itself through other
    /// modules. Without `with_parents`, imports between a module and its parent modules do not
    /// count, because a child may use the items of its parent.
    pub(crate) fn circles(&self, with_parents: bool) -> Vec<String> {
        let counts = |from: &Module, to: &Module| {
            with_parents || !(from.starts_with(to) || to.starts_with(from))
        };
        let way = |begin: &Module| {
            let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
            let mut next = VecDeque::from([begin]);
            while let Some((at, (_, used))) =
                next.pop_front().and_then(|it| self.0.get_key_value(it)).map(|it| (it.0, it))
            {
                for used in used.iter().filter(|used| counts(at, used)) {
                    if used == begin {
                        let ways = std::iter::successors(Some(at), |it| before.get(*it).copied());
                        let mut way: Vec<String> = ways.map(|it| it.join("::")).collect();
                        way.reverse();
                        return Some(way.join(" → "));
                    }
                    if !before.contains_key(used) {
                        before.insert(used, at);
                        next.push_back(used);
                    }
                }
            }
            None
        };
        self.0.keys().filter_map(way).collect()
    }
}

/// Returns the module of a file.
pub(crate) fn module(path: &Path, folder: &str) -> Module {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let inside = inside.expect("a file of the folder").with_extension("");
    let parts = inside.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "lib").collect()
}

/// A path to an item of the crate, as the code of a module names it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    path: Module,
    /// The name of the item in the importing module. `None` if the path is not an import.
    name: Option<String>,
}

/// Returns the module that contains the item of a path. Follows re-exports.
fn home(
    path: &Module,
    sources: &BTreeMap<Module, String>,
    names: &BTreeMap<Module, Module>,
) -> Option<Module> {
    let mut path = path.clone();
    // Each step follows one import. There is no endless loop, because a circle of imports would not
    // compile.
    for _ in 0..16 {
        let found = (0..=path.len()).rev().find(|n| sources.contains_key(&path[..*n]))?;
        let item = path.get(..=found).and_then(|item| names.get(item));
        match item {
            Some(target) if *target != path[..=found] => path = target.clone(),
            _ => return Some(path[..found].to_vec()),
        }
    }
    None
}

fn paths(module: &Module, code: &str) -> BTreeSet<Named> {
    let mut found = BTreeSet::new();
    for statement in code.split(';').filter_map(|it| {
        let (before, tree) = it.rsplit_once("use ")?;
        before.chars().last().is_none_or(char::is_whitespace).then_some(tree)
    }) {
        let tree = statement.replace(" as ", "@");
        let mut imported = Vec::new();
        flatten(&tree.split_whitespace().collect::<String>(), "", &mut imported);
        for it in imported {
            let (path, name) = it.split_once('@').unwrap_or((&it, ""));
            let Some(path) = absolute(path, module) else { continue };
            let name = if name.is_empty() { path.last().cloned() } else { Some(name.to_owned()) };
            found.insert(Named { path, name });
        }
    }
    for head in ["crate::", "super::"] {
        for (at, _) in code.match_indices(head) {
            let begins = !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            let is_part = |c: &char| c.is_alphanumeric() || "_:".contains(*c);
            let path: String = code[at..].chars().take_while(is_part).collect();
            // A path that ends in `::` is the beginning of an import such as `crate::{a, b}`. The
            // loop over the `use` statements above has read this import.
            if begins && !path.ends_with(':') {
                found.extend(absolute(&path, module).map(|path| Named { path, name: None }));
            }
        }
    }
    found
}

/// Returns a path from the root of the crate. `None` if the path begins with more `super` than the
/// module has parents.
fn absolute(path: &str, module: &Module) -> Option<Module> {
    let mut absolute = module.clone();
    for (at, part) in path.split("::").filter(|part| !part.is_empty()).enumerate() {
        match part {
            "crate" if at == 0 => absolute.clear(),
            "super" => _ = absolute.pop()?,
            "self" => {}
            part => absolute.push(part.to_owned()),
        }
    }
    Some(absolute)
}

/// Adds all paths of an import: `a::{b, c::{self, d}}` gives `a::b`, `a::c::self` and `a::c::d`.
fn flatten(tree: &str, prefix: &str, paths: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        return paths.push(format!("{prefix}{tree}"));
    };
    let prefix = format!("{prefix}{head}");
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if at > begin {
                    flatten(&inside[begin..at], &prefix, paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}
