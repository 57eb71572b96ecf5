//! Which route a request takes: the most specific one, as API Gateway chooses.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::collections::BTreeMap;

/// Routes and where they lead.
#[derive(Debug)]
pub struct Routes<T> {
    routes: Vec<(Pattern, T)>,
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { routes: Vec::new() }
    }
}

#[derive(Debug)]
struct Pattern {
    method: String,
    path: String,
    segments: Vec<Segment>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// `{proxy+}`: all that is left.
    Rest(String),
}

/// A route that was found.
#[derive(Debug)]
pub struct Found<'a, T> {
    /// `GET /config/{version}`.
    pub key: String,
    /// Values of the path's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Where it leads.
    pub target: &'a T,
}

impl<T> Routes<T> {
    /// Adds a route; method `ANY` takes every method.
    pub fn add(&mut self, method: &str, path: &str, target: T) {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|it| it.strip_suffix('}'))
        {
            None => Segment::Literal(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Segment::Rest(name.to_owned()),
                None => Segment::Parameter(name.to_owned()),
            },
        };
        let segments = path.trim_matches('/').split('/').map(segment).collect();
        let pattern = Pattern { method: method.to_owned(), path: path.to_owned(), segments };
        self.routes.push((pattern, target));
    }

    /// The route of a request; `path` without the query.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Found<'_, T>> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        let candidates = self.routes.iter().filter_map(|(pattern, target)| {
            let method_fits = pattern.method == "ANY" || pattern.method == method;
            let parameters = pattern.parameters(&segments).filter(|_| method_fits)?;
            Some((pattern, parameters, target))
        });
        let (pattern, parameters, target) = candidates.min_by_key(|(it, ..)| it.rank())?;
        let key = format!("{} {}", pattern.method, pattern.path);
        Some(Found { key, parameters, target })
    }
}

impl Pattern {
    fn parameters(&self, path: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        for (index, segment) in self.segments.iter().enumerate() {
            let part = *path.get(index)?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(name) => {
                    parameters.insert(name.clone(), part.to_owned());
                }
                Segment::Rest(name) => {
                    parameters.insert(name.clone(), path[index..].join("/"));
                    return Some(parameters);
                }
            }
        }
        (self.segments.len() == path.len()).then_some(parameters)
    }

    /// Full matches first, greedy ones last; a named method before `ANY`.
    fn rank(&self) -> (Vec<u8>, bool) {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest(_) => 2,
        };
        (self.segments.iter().map(rank).collect(), self.method == "ANY")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<u8> {
        let mut routes = Routes { routes: Vec::new() };
        routes.add("GET", "/config/{version}", 1);
        routes.add("GET", "/config/current", 2);
        routes.add("ANY", "/{proxy+}", 3);
        routes.add("POST", "/config/apply", 4);
        routes
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes();
        for (method, path, target) in [
            ("GET", "/config/current", 2),
            ("GET", "/config/7", 1),
            ("POST", "/config/apply", 4),
            ("POST", "/config/7", 3),
            ("GET", "/a/b/c", 3),
        ] {
            assert_eq!(routes.find(method, path).map(|it| *it.target), Some(target), "{path}");
        }
    }

    #[test]
    fn parameters_are_named_and_the_key_is_the_templates() {
        let routes = routes();
        let found = routes.find("GET", "/config/7").unwrap();
        assert_eq!(found.key, "GET /config/{version}");
        assert_eq!(found.parameters["version"], "7");
        assert_eq!(routes.find("PUT", "/a/b").unwrap().parameters["proxy"], "a/b");
    }

    #[test]
    fn no_route_is_none() {
        let mut routes = Routes::default();
        routes.add("GET", "/a", ());
        assert!(routes.find("GET", "/a/b").is_none());
        assert!(routes.find("POST", "/a").is_none());
    }
}
