# The examples' values pass: infra/check runs this once for each, with its file on the command line.

run "example" {
  command = plan
}
