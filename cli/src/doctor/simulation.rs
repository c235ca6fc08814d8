//! IAM's `SimulatePrincipalPolicy`: whether the policies of a role allow an action.

use std::fmt;

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use codecommit::aws::{Aws, CallError, SignedRequest, SignedService};

const OPERATION: &str = "SimulatePrincipalPolicy";

/// Actions, each of which is asked for each resource.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
}

/// IAM's decision on one action and one resource.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) action: String,
    pub(super) resource: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub(super) word: String,
    /// True if a condition has a key whose value the question does not give.
    pub(super) needs_context: bool,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} ({})", self.action, self.resource, self.word)
    }
}

/// One page of the answer.
#[derive(Debug, Default)]
struct Page {
    decisions: Vec<Decision>,
    marker: Option<String>,
}

/// Asks IAM what a role may do, with all pages of the answer.
pub(super) async fn ask(aws: &Aws, role: &str, question: &Question) -> Result<Vec<Decision>, CallError> {
    let (mut decisions, mut marker) = (Vec::new(), None);
    loop {
        let answer = aws.signed(request(role, question, marker.as_deref())).await?;
        let text = String::from_utf8_lossy(&answer);
        let page = read(&text).map_err(|error| CallError::malformed(OPERATION, error))?;
        decisions.extend(page.decisions);
        marker = page.marker;
        if marker.is_none() {
            return Ok(decisions);
        }
    }
}

fn request(role: &str, question: &Question, marker: Option<&str>) -> SignedRequest {
    let numbered = |list: &'static str, values: &[String]| {
        let named = values.iter().enumerate();
        named.map(|(at, value)| (format!("{list}.member.{}", at + 1), value.clone())).collect::<Vec<_>>()
    };
    let mut fields = vec![
        ("Action".to_owned(), OPERATION.to_owned()),
        ("Version".to_owned(), "2010-05-08".to_owned()),
        ("PolicySourceArn".to_owned(), role.to_owned()),
    ];
    fields.extend(numbered("ActionNames", &question.actions));
    fields.extend(numbered("ResourceArns", &question.resources));
    fields.extend(marker.map(|marker| ("Marker".to_owned(), marker.to_owned())));
    let form: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", SignedRequest::encoded(value))).collect();
    SignedRequest {
        service: SignedService::Iam,
        operation: OPERATION,
        method: "POST",
        path: "/".to_owned(),
        headers: vec![("content-type", "application/x-www-form-urlencoded")],
        body: form.join("&").into_bytes(),
    }
}

fn read(xml: &str) -> Result<Page, XmlDecodeError> {
    let mut document = Document::new(xml);
    let mut root = document.root_element()?;
    let mut page = Page::default();
    while let Some(mut result) = root.next_tag() {
        if result.start_el().local() != "SimulatePrincipalPolicyResult" {
            continue;
        }
        while let Some(mut tag) = result.next_tag() {
            match tag.start_el().local() {
                "Marker" => page.marker = Some(try_data(&mut tag)?.into_owned()),
                "EvaluationResults" => {
                    while let Some(mut member) = tag.next_tag() {
                        page.decisions.push(decision(&mut member)?);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(page)
}

fn decision(member: &mut ScopedDecoder<'_, '_>) -> Result<Decision, XmlDecodeError> {
    let mut decision = Decision::default();
    while let Some(mut tag) = member.next_tag() {
        match tag.start_el().local() {
            "EvalActionName" => decision.action = try_data(&mut tag)?.into_owned(),
            "EvalResourceName" => decision.resource = try_data(&mut tag)?.into_owned(),
            "EvalDecision" => decision.word = try_data(&mut tag)?.into_owned(),
            "MissingContextValues" => decision.needs_context = tag.next_tag().is_some(),
            _ => {}
        }
    }
    Ok(decision)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of IAM's API reference, with a key that has no value.
    #[test]
    fn the_answer_of_the_reference_is_read() {
        let page = read(
            r#"<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <SimulatePrincipalPolicyResult>
    <IsTruncated>false</IsTruncated>
    <EvaluationResults>
      <member>
        <MatchedStatements>
          <member>
            <SourcePolicyId>PolicyInputList.1</SourcePolicyId>
            <EndPosition><Column>4</Column><Line>7</Line></EndPosition>
          </member>
        </MatchedStatements>
        <MissingContextValues/>
        <EvalResourceName>arn:aws:s3:::teambucket</EvalResourceName>
        <EvalDecision>allowed</EvalDecision>
        <EvalActionName>s3:ListBucket</EvalActionName>
      </member>
      <member>
        <MissingContextValues><member>aws:SourceIp</member></MissingContextValues>
        <EvalResourceName>arn:aws:s3:::teambucket</EvalResourceName>
        <EvalDecision>implicitDeny</EvalDecision>
        <EvalActionName>s3:GetObject</EvalActionName>
      </member>
    </EvaluationResults>
    <Marker>next</Marker>
  </SimulatePrincipalPolicyResult>
  <ResponseMetadata><RequestId>1cdb5b0a</RequestId></ResponseMetadata>
</SimulatePrincipalPolicyResponse>"#,
        );
        let page = page.expect("it is XML");
        assert_eq!(page.marker.as_deref(), Some("next"));
        let told: Vec<String> = page.decisions.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "s3:ListBucket on arn:aws:s3:::teambucket (allowed)",
                "s3:GetObject on arn:aws:s3:::teambucket (implicitDeny)"
            ]
        );
        assert_eq!(page.decisions.iter().map(|one| one.needs_context).collect::<Vec<_>>(), [false, true]);
    }
}
