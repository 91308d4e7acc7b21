"""The GraphQL documents we send, whole and constant; values travel as variables."""

ISSUE_FIELDS = "id identifier title url"

TEAM = "query Team($key: String!) { teams(filter: {key: {eqIgnoreCase: $key}}, first: 1) { nodes { id key name } } }"

STATES = """
query States($team: ID!) {
  workflowStates(filter: {team: {id: {eq: $team}}}, first: 100) { nodes { id name type position } }
}"""

LABELS = """
query Labels($names: [String!]!) {
  issueLabels(filter: {name: {in: $names}}, first: 100) { nodes { id name isGroup team { id } } }
}"""

USER = "query User($email: String!) { users(filter: {email: {eqIgnoreCase: $email}}, first: 1) { nodes { id } } }"

PROJECT = (
    "query Project($name: String!) { projects(filter: {name: {eqIgnoreCase: $name}}, first: 1) { nodes { id name } } }"
)

VIEWER = "query Viewer { viewer { id name email } }"

CREATE_ISSUE = f"""
mutation CreateIssue($input: IssueCreateInput!) {{ issueCreate(input: $input) {{ success issue {{ {ISSUE_FIELDS} }} }} }}"""

UPDATE_ISSUE = f"""
mutation UpdateIssue($id: String!, $input: IssueUpdateInput!) {{
  issueUpdate(id: $id, input: $input) {{ success issue {{ {ISSUE_FIELDS} state {{ id name type }} }} }}
}}"""

CREATE_COMMENT = """
mutation CreateComment($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { id url } } }"""

CREATE_ATTACHMENT = """
mutation CreateAttachment($input: AttachmentCreateInput!) {
  attachmentCreate(input: $input) { success attachment { id url } }
}"""

FIND_ISSUE = f"""
query FindIssue($id: ID!) {{
  issues(filter: {{id: {{eq: $id}}}}, includeArchived: true, first: 1) {{
    nodes {{ {ISSUE_FIELDS} attachments(first: 50) {{ nodes {{ url }} }} }}
  }}
}}"""

FIND_COMMENT = """
query FindComment($id: ID!) {
  comments(filter: {id: {eq: $id}}, includeArchived: true, first: 1) { nodes { id url } }
}"""

READ_ISSUE = """
query ReadIssue($id: String!) {
  issue(id: $id) {
    id identifier title url description priority priorityLabel createdAt updatedAt completedAt canceledAt
    team { id key name } state { id name type } assignee { name } labels(first: 50) { nodes { name } }
    comments(first: 20) { nodes { body createdAt user { name } } }
    attachments(first: 20) { nodes { title url } }
  }
}"""

ISSUES_FOR_URL = """
query IssuesForUrl($url: String!) {
  attachmentsForURL(url: $url, first: 20) {
    nodes { url issue { id identifier title url state { id name type } updatedAt } }
  }
}"""

SEARCH_ISSUES = """
query SearchIssues($term: String!, $first: Int!) {
  searchIssues(term: $term, first: $first, includeComments: true) {
    nodes { id identifier title url state { id name type } updatedAt }
  }
}"""
