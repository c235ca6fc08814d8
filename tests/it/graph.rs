//! The module graph of every crate, built from its `use` lines and paths: it has no cycle.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{code, root, sources};

/// The sources of each crate, and its root file.
const CRATES: [(&str, &str); 5] = [
    ("git-archive/src", "lib"),
    ("codecommit/src", "lib"),
    ("src", "lib"),
    ("cli/src", "main"),
    ("emulator/src", "lib"),
];

/// A module, as the names from the crate's root to it. The root is empty.
type Module = Vec<String>;

/// The parts of an import path.
type Path = Vec<String>;

#[test]
fn no_crate_has_a_cycle_of_modules() {
    for (folder, root) in CRATES {
        let graph = Graph::read(folder, root);
        assert!(graph.modules.len() > 4, "{folder} is not read rightly");
        assert!(graph.arrows.values().map(BTreeSet::len).sum::<usize>() > 4, "{folder} is not read rightly");
        if let Some(cycle) = graph.cycle() {
            let names: Vec<_> = cycle.iter().map(|module| format!("{folder}/{}", module.join("/"))).collect();
            panic!("these modules import each other in a circle: {}", names.join(" → "));
        }
    }
}

#[test]
fn a_planted_cycle_is_found() {
    let text = |text: &str| (text.to_owned(), imports(text));
    let modules = [
        (vec!["a".to_owned()], text("use crate::b::B;\npub struct A;")),
        (vec!["b".to_owned()], text("mod c;\npub use c::C;\npub struct B;")),
        (vec!["b".to_owned(), "c".to_owned()], text("use super::{\n    super::{a::A},\n};\npub struct C;")),
    ];
    let graph = Graph::of(modules.map(|(module, (_, imports))| (module, imports)).into_iter().collect());
    assert_eq!(graph.cycle().map(|cycle| cycle.len()), Some(4), "{:?}", graph.arrows);
}

/// The imports of each module.
struct Graph {
    modules: BTreeMap<Module, Vec<Import>>,
    arrows: BTreeMap<Module, BTreeSet<Module>>,
}

/// One imported path, and the name under which the importing module exports it.
struct Import {
    path: Path,
    shown_as: Option<String>,
}

impl Graph {
    fn read(folder: &str, root_file: &str) -> Self {
        let source = root().join(folder);
        let mut modules = BTreeMap::new();
        for (path, text) in sources(folder) {
            let path = path.strip_prefix(&source).expect("it is in the folder").with_extension("");
            let mut module: Module = path.iter().map(|part| part.to_str().expect("a name").to_owned()).collect();
            match module.as_slice() {
                [only] if only == root_file => module.clear(),
                // Another root of the same package. Nothing can import it.
                [only] if only == "main" || only == "lib" => continue,
                _ => {}
            }
            let text = code(&text);
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            modules.insert(module, imports(text));
        }
        Self::of(modules)
    }

    fn of(modules: BTreeMap<Module, Vec<Import>>) -> Self {
        let mut graph = Self { modules, arrows: BTreeMap::new() };
        for (module, imports) in &graph.modules {
            let targets = imports.iter().filter_map(|import| graph.target(module, &import.path, 0));
            let targets: BTreeSet<_> = targets.filter(|target| target != module).collect();
            graph.arrows.insert(module.clone(), targets);
        }
        graph
    }

    /// Returns the module that defines the target of a path, through re-exports. Returns `None` for another crate's
    /// module.
    fn target(&self, from: &Module, path: &Path, depth: usize) -> Option<Module> {
        let (mut at, rest) = self.start(from, path)?;
        let mut rest = rest.iter().peekable();
        while let Some(part) = rest.peek() {
            let mut child = at.clone();
            child.push((*part).clone());
            if !self.modules.contains_key(&child) {
                break;
            }
            at = child;
            rest.next();
        }
        if let Some(name) = rest.next() {
            let shown = self.modules.get(&at)?.iter().find(|import| import.shown_as.as_ref() == Some(name));
            if let Some(import) = shown.filter(|_| depth < 8)
                && let Some(target) = self.target(&at, &import.path, depth + 1)
            {
                return Some(target);
            }
        }
        Some(at)
    }

    /// Returns the module where a path begins, and the rest of the path.
    fn start<'a>(&self, from: &Module, path: &'a Path) -> Option<(Module, &'a [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Module::new(), rest)),
            "self" => Some((from.clone(), rest)),
            "super" => {
                let (mut at, mut rest) = (from.clone(), path.as_slice());
                while let Some((first, behind)) = rest.split_first()
                    && first == "super"
                {
                    at.pop();
                    rest = behind;
                }
                Some((at, rest))
            }
            child => {
                let mut module = from.clone();
                module.push(child.to_owned());
                self.modules.contains_key(&module).then_some((module, rest))
            }
        }
    }

    /// Returns the modules of a cycle, with the first one again at the end.
    fn cycle(&self) -> Option<Vec<Module>> {
        let mut done = BTreeSet::new();
        self.modules.keys().find_map(|module| self.walk(module, &mut Vec::new(), &mut done))
    }

    fn walk(&self, module: &Module, path: &mut Vec<Module>, done: &mut BTreeSet<Module>) -> Option<Vec<Module>> {
        if let Some(at) = path.iter().position(|before| before == module) {
            path.push(module.clone());
            return Some(path.split_off(at));
        }
        if done.contains(module) {
            return None;
        }
        path.push(module.clone());
        let cycle = self.arrows.get(module)?.iter().find_map(|next| self.walk(next, path, done));
        if cycle.is_none() {
            path.pop();
            done.insert(module.clone());
        }
        cycle
    }
}

/// Returns all imports of a module: its `use` items, and the paths from the root in its code.
fn imports(text: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let before = rest[..at].rsplit('\n').next().unwrap_or_default().trim();
        let (item, behind) = rest[at + 4..].split_once(';').unwrap_or((&rest[at + 4..], ""));
        rest = if before.is_empty() || before.starts_with("pub") { behind } else { &rest[at + 4..] };
        if before.is_empty() || before.starts_with("pub") {
            expand(&Path::new(), item, before.starts_with("pub"), &mut imports);
        }
    }
    for prefix in ["crate::", "super::"] {
        for (at, _) in text.match_indices(prefix) {
            let preceded = text[..at].chars().next_back();
            if preceded.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$')) {
                continue;
            }
            let end = text[at..].find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':'));
            let path = &text[at..end.map_or(text.len(), |end| at + end)];
            let parts = path.split("::").filter(|part| !part.is_empty());
            imports.push(Import { path: parts.map(str::to_owned).collect(), shown_as: None });
        }
    }
    // A path that only leads to braces imports nothing itself. The paths in the braces are already read.
    imports.retain(|import| import.path.iter().any(|part| part != "crate" && part != "super"));
    imports
}

/// Reads the tree of one `use` item.
fn expand(prefix: &Path, item: &str, shown: bool, imports: &mut Vec<Import>) {
    let item = item.trim();
    if let Some((before, group)) = item.split_once('{') {
        let mut prefix = prefix.clone();
        prefix.extend(before.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        parts(group).for_each(|part| expand(&prefix, part, shown, imports));
        return;
    }
    let (path, name) = item.split_once(" as ").map_or((item, None), |(path, name)| (path, Some(name.trim())));
    let mut full = prefix.clone();
    full.extend(path.split("::").map(str::trim).filter(|part| !part.is_empty() && *part != "*").map(str::to_owned));
    if full.len() > 1 && full.last().is_some_and(|last| last == "self") {
        full.pop();
    }
    let shown_as = shown.then(|| name.map(str::to_owned).or_else(|| full.last().cloned())).flatten();
    imports.push(Import { path: full, shown_as });
}

/// Returns the parts of a group, split at the commas outside inner braces.
fn parts(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let split = move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    group.split(split).filter(|part| !part.trim().is_empty())
}
