//! Configuration files: several YAML files count as one document, and each mistake is led back to
//! its file and line.

use std::path::{Path, PathBuf};

use domain::config::{Document, Mistake};

use crate::failure::{Failure, FileMistake};
use crate::located::{Positions, options};

/// The files of a document.
#[derive(Debug)]
pub struct Sources {
    files: Vec<Source>,
    /// All files together.
    pub document: Document,
}

#[derive(Debug)]
struct Source {
    name: String,
    positions: Positions,
    customers: usize,
    providers: usize,
    routes: usize,
    numbers: usize,
}

impl Sources {
    /// Reads files.
    ///
    /// # Errors
    /// A file cannot be read, or does not have the form of a document.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut sources = Self { files: Vec::new(), document: Document::default() };
        let mut mistakes = Vec::new();
        for path in paths {
            let yaml = std::fs::read_to_string(path)
                .map_err(|error| Failure::Unusable(format!("{}: {error}", path.display())))?;
            match parse(path, &yaml) {
                Ok((source, document)) => sources.add(source, document),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(sources) } else { Err(Failure::Mistakes(mistakes)) }
    }

    fn add(&mut self, source: Source, document: Document) {
        self.files.push(source);
        self.document.customers.extend(document.customers);
        self.document.providers.extend(document.providers);
        self.document.routes.extend(document.routes);
        self.document.numbers.extend(document.numbers);
    }

    /// Where mistakes of the document stand.
    #[must_use]
    pub fn locate(&self, mistakes: Vec<Mistake>) -> Vec<FileMistake> {
        mistakes.into_iter().map(|mistake| self.locate_one(mistake)).collect()
    }

    fn locate_one(&self, mistake: Mistake) -> FileMistake {
        let Mistake { path: field, what, cure } = mistake;
        let at = |source: &Source, path: &str| (source.name.clone(), source.positions.line(path));
        let (file, line) = match row(&field) {
            Some((list, index, rest)) => self
                .file_of(list, index)
                .map(|(source, index)| at(source, &format!("{list}[{index}]{rest}"))),
            None => self.files.first().map(|source| at(source, &field)),
        }
        .unwrap_or_default();
        FileMistake { file, line, field, what, cure }
    }

    /// The file that holds row `index` of a list of the whole document, and its place there.
    fn file_of(&self, list: &str, mut index: usize) -> Option<(&Source, usize)> {
        for source in &self.files {
            let rows = match list {
                "customers" => source.customers,
                "providers" => source.providers,
                "numbers" => source.numbers,
                _ => source.routes,
            };
            if index < rows {
                return Some((source, index));
            }
            index -= rows;
        }
        None
    }
}

/// `customers[3].smpp` is row 3 of `customers`, and then `.smpp`.
fn row(path: &str) -> Option<(&str, usize, &str)> {
    let (list, rest) = path.split_once('[')?;
    let (index, rest) = rest.split_once(']')?;
    (!list.contains('.')).then_some((list, index.parse().ok()?, rest))
}

fn parse(path: &Path, yaml: &str) -> Result<(Source, Document), FileMistake> {
    let name = path.display().to_string();
    let positions = Positions::of(yaml);
    match serde_saphyr::from_str_with_options::<Document>(yaml, options()) {
        Ok(document) => {
            let (customers, providers) = (document.customers.len(), document.providers.len());
            let (routes, numbers) = (document.routes.len(), document.numbers.len());
            Ok((Source { name, positions, customers, providers, routes, numbers }, document))
        }
        Err(error) => {
            let at = error.location();
            let line = at.map_or(1, |at| u32::try_from(at.line()).unwrap_or(0));
            let column = at.map_or(1, |at| u32::try_from(at.column()).unwrap_or(0));
            let field = positions.field(line, column).to_owned();
            let what = error.without_snippet().to_string();
            let cure = "`gatewayctl schema` prints the form; editors check it while you write";
            Err(FileMistake { file: name, line, field, what, cure: cure.to_owned() })
        }
    }
}
