//! `!Ref`, `!GetAtt`, `!Sub`, `!Join`, `!Split`, `!Select`: what stands in a template, made plain.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use std::collections::BTreeMap;

use super::error::TemplateError;
use super::yaml::{Kind, Node};

/// A value without intrinsic functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text, number or boolean, as written.
    Text(String),
    /// A list, e.g. of a `List<…>` parameter.
    List(Vec<Value>),
}

/// What names stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// `!Ref` of parameters, pseudo parameters and resources.
    pub refs: BTreeMap<String, Value>,
    /// `!GetAtt`: `Resource.Attribute`.
    pub attributes: BTreeMap<String, String>,
}

impl Names {
    /// The value of `node`.
    ///
    /// # Errors
    /// An unknown name or function, named with `path` and line.
    pub(super) fn resolve(&self, node: &Node, path: &str) -> Result<Value, TemplateError> {
        if let Some((function, argument)) = intrinsic(node) {
            return self.call(&function, &argument, path);
        }
        match &node.kind {
            Kind::Scalar(text) => Ok(Value::Text(text.clone())),
            Kind::List(items) => self.list(items, path).map(Value::List),
            Kind::Null => Ok(Value::Text(String::new())),
            Kind::Map(_) => Err(fail(node, path, "is a mapping where a value is expected")),
        }
    }

    /// The text of `node`.
    ///
    /// # Errors
    /// As [`Names::resolve`], and a list.
    pub(super) fn text(&self, node: &Node, path: &str) -> Result<String, TemplateError> {
        match self.resolve(node, path)? {
            Value::Text(text) => Ok(text),
            Value::List(_) => Err(fail(node, path, "is a list where text is expected")),
        }
    }

    fn list(&self, items: &[Node], path: &str) -> Result<Vec<Value>, TemplateError> {
        items.iter().map(|item| self.resolve(item, path)).collect()
    }

    fn call(&self, function: &str, argument: &Node, path: &str) -> Result<Value, TemplateError> {
        match function {
            "Ref" => self.reference(argument, path),
            "GetAtt" => self.attribute(argument, path).map(Value::Text),
            "Sub" => self.substitute(argument, path).map(Value::Text),
            "Join" => self.join(argument, path),
            "Split" => self.split(argument, path),
            "Select" => self.select(argument, path),
            other => Err(fail(argument, path, format!("function {other} is not played here"))),
        }
    }

    fn reference(&self, argument: &Node, path: &str) -> Result<Value, TemplateError> {
        let Kind::Scalar(name) = &argument.kind else {
            return Err(fail(argument, path, "Ref needs a name"));
        };
        self.refs
            .get(name)
            .cloned()
            .ok_or_else(|| fail(argument, path, format!("Ref of {name}, which is not known here")))
    }

    fn attribute(&self, argument: &Node, path: &str) -> Result<String, TemplateError> {
        let name = match &argument.kind {
            Kind::Scalar(name) => name.clone(),
            Kind::List(names) => {
                let names: Result<Vec<_>, _> =
                    names.iter().map(|name| self.text(name, path)).collect();
                names?.join(".")
            }
            _ => return Err(fail(argument, path, "GetAtt needs Resource.Attribute")),
        };
        self.attributes.get(&name).cloned().ok_or_else(|| {
            fail(argument, path, format!("GetAtt of {name}, which is not known here"))
        })
    }

    fn substitute(&self, argument: &Node, path: &str) -> Result<String, TemplateError> {
        match &argument.kind {
            Kind::Scalar(text) => self.fill(text, &BTreeMap::new(), argument, path),
            Kind::List(parts) => {
                let [text, names] = parts.as_slice() else {
                    return Err(fail(argument, path, "Sub needs a text and a mapping"));
                };
                let own: Result<BTreeMap<_, _>, _> = names
                    .entries()
                    .iter()
                    .map(|(name, node)| Ok((name.clone(), self.text(node, path)?)))
                    .collect();
                self.fill(&self.text(text, path)?, &own?, argument, path)
            }
            _ => Err(fail(argument, path, "Sub needs a text")),
        }
    }

    fn fill(
        &self,
        text: &str,
        own: &BTreeMap<String, String>,
        at: &Node,
        path: &str,
    ) -> Result<String, TemplateError> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            filled.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else {
                return Err(fail(at, path, "Sub has ${ without }"));
            };
            let name = rest[start + 2..start + length].trim();
            filled.push_str(&self.placeholder(name, own, at, path)?);
            rest = &rest[start + length + 1..];
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn placeholder(
        &self,
        name: &str,
        own: &BTreeMap<String, String>,
        at: &Node,
        path: &str,
    ) -> Result<String, TemplateError> {
        if let Some(literal) = name.strip_prefix('!') {
            return Ok(format!("${{{literal}}}"));
        }
        if let Some(text) = own.get(name).or_else(|| self.attributes.get(name)) {
            return Ok(text.clone());
        }
        match self.refs.get(name) {
            Some(Value::Text(text)) => Ok(text.clone()),
            _ => Err(fail(at, path, format!("Sub of ${{{name}}}, which is not known here"))),
        }
    }

    fn join(&self, argument: &Node, path: &str) -> Result<Value, TemplateError> {
        let [separator, items] = pair(argument, path, "Join")?;
        let separator = self.text(separator, path)?;
        let Value::List(items) = self.resolve(items, path)? else {
            return Err(fail(argument, path, "Join needs a list"));
        };
        let texts: Option<Vec<_>> = items
            .into_iter()
            .map(|item| if let Value::Text(text) = item { Some(text) } else { None })
            .collect();
        let texts = texts.ok_or_else(|| fail(argument, path, "Join of a list of lists"))?;
        Ok(Value::Text(texts.join(&separator)))
    }

    fn split(&self, argument: &Node, path: &str) -> Result<Value, TemplateError> {
        let [separator, text] = pair(argument, path, "Split")?;
        let (separator, text) = (self.text(separator, path)?, self.text(text, path)?);
        Ok(Value::List(text.split(&separator).map(|part| Value::Text(part.to_owned())).collect()))
    }

    fn select(&self, argument: &Node, path: &str) -> Result<Value, TemplateError> {
        let [index, items] = pair(argument, path, "Select")?;
        let index = self.text(index, path)?.parse::<usize>();
        match (index, self.resolve(items, path)?) {
            (Ok(index), Value::List(mut items)) if index < items.len() => {
                Ok(items.swap_remove(index))
            }
            _ => Err(fail(argument, path, "Select needs an index and a list that has it")),
        }
    }
}

/// The function that `node` calls, in its short (`!Ref`) or long form (`Fn::Sub`), and its argument.
fn intrinsic(node: &Node) -> Option<(String, Node)> {
    if let Some(tag) = &node.tag {
        return Some((tag.clone(), Node { tag: None, ..node.clone() }));
    }
    let [(name, argument)] = node.entries() else { return None };
    let function = match name.as_str() {
        "Ref" => "Ref",
        other => other.strip_prefix("Fn::")?,
    };
    Some((function.to_owned(), argument.clone()))
}

fn pair<'a>(node: &'a Node, path: &str, function: &str) -> Result<[&'a Node; 2], TemplateError> {
    match &node.kind {
        Kind::List(items) if items.len() == 2 => Ok([&items[0], &items[1]]),
        _ => Err(fail(node, path, format!("{function} needs two arguments"))),
    }
}

fn fail(node: &Node, path: &str, message: impl Into<String>) -> TemplateError {
    TemplateError::new(node.line, path, message)
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn names() -> Names {
        let text = |text: &str| Value::Text(text.to_owned());
        Names {
            refs: [
                ("Stage".to_owned(), text("dev")),
                ("Cluster".to_owned(), text("arn:aws:kafka:eu:1:cluster/a/b")),
                ("Nets".to_owned(), Value::List(vec![text("n1"), text("n2")])),
            ]
            .into(),
            attributes: [("Table.Arn".to_owned(), "arn:table".to_owned())].into(),
        }
    }

    fn value(yaml: &str) -> Result<Value, TemplateError> {
        names().resolve(&parse(yaml).unwrap(), "X")
    }

    #[test]
    fn each_function_works_in_its_short_and_long_form() {
        for (yaml, expected) in [
            ("!Ref Stage", "dev"),
            ("{ Ref: Stage }", "dev"),
            ("!GetAtt Table.Arn", "arn:table"),
            ("{ \"Fn::GetAtt\": [Table, Arn] }", "arn:table"),
            ("!Sub \"${Stage}-x-${Table.Arn}-${!Kept}\"", "dev-x-arn:table-${Kept}"),
            ("!Sub [\"${Stage}/${own}\", { own: !Ref Stage }]", "dev/dev"),
            ("!Join [\"-\", !Ref Nets]", "n1-n2"),
            ("!Select [1, !Ref Nets]", "n2"),
            (
                "!Sub [\"${T}/x\", { T: !Join [\":topic/\", !Split [\":cluster/\", !Ref Cluster]] }]",
                "arn:aws:kafka:eu:1:topic/a/b/x",
            ),
        ] {
            assert_eq!(value(yaml).unwrap(), Value::Text(expected.to_owned()), "{yaml}");
        }
    }

    #[test]
    fn what_is_not_known_is_an_error_that_names_it() {
        for (yaml, word) in [
            ("!Ref Nowhere", "Nowhere"),
            ("!GetAtt Table.StreamArn", "Table.StreamArn"),
            ("!Sub \"${Nowhere}\"", "Nowhere"),
            ("!ImportValue x", "ImportValue"),
            ("!Select [2, !Ref Nets]", "Select"),
            ("!Sub \"${Stage\"", "without }"),
        ] {
            let error = value(yaml).unwrap_err();
            assert!(error.message.contains(word), "{yaml}: {error}");
            assert_eq!((error.line, error.path.as_str()), (1, "X"));
        }
    }
}
