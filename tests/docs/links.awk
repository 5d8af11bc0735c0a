# Reads a list of all paths of the tree, one a line, and then Markdown files; prints each broken relative link of these. Anchors
# of headings are those of GitHub.

function normal(path,    count, parts, kept, i, result) {
  count = split(path, parts, "/")
  kept = 0
  for (i = 1; i <= count; i++) {
    if (parts[i] == "..") { if (kept == 0) return "../" path; kept-- }
    else if (parts[i] != "." && parts[i] != "") parts[++kept] = parts[i]
  }
  result = ""
  for (i = 1; i <= kept; i++) result = result (i > 1 ? "/" : "") parts[i]
  return result
}

function slug(heading) {
  while (match(heading, /\]\([^)]*\)/)) heading = substr(heading, 1, RSTART - 1) substr(heading, RSTART + RLENGTH)
  heading = tolower(heading)
  gsub(/[][!"#$%&'()*+,.\/:;<=>?@\\^`{|}~]/, "", heading)
  gsub(/–|—|…|’|‘|“|”|×|→|·/, "", heading)
  gsub(/ /, "-", heading)
  return heading
}

function note_anchor(file, name) {
  anchors[file "#" name] = 1
}

# A paragraph, as a code span may continue on the next line.
function end_paragraph(    link) {
  gsub(/`[^`]*`/, "", paragraph)
  while (match(paragraph, /\]\([^) ]+|(href|src)="[^"]+/)) {
    link = substr(paragraph, RSTART, RLENGTH)
    paragraph = substr(paragraph, RSTART + RLENGTH)
    sub(/^(\]\(|(href|src)=")/, "", link)
    if (link !~ /^[a-z]+:/) { links++; from[links] = file; to[links] = link }
  }
  paragraph = ""
}

FILENAME == "-" { sub(/^\.\//, ""); exists[$0] = 1; next }
FNR == 1 { end_paragraph(); file = FILENAME; sub(/^\.\//, "", file); fenced = 0; delete seen }
/^ *(```|~~~)/ { fenced = !fenced; next }
fenced { next }
/^#+ / {
  end_paragraph()
  paragraph = $0  # a heading may have links of its own
  end_paragraph()
  heading = $0
  sub(/^#+ +/, "", heading)
  sub(/ +#*$/, "", heading)
  name = slug(heading)
  note_anchor(file, seen[name] ? name "-" seen[name] : name)
  seen[name]++
  next
}
/^ *$/ { end_paragraph(); next }
{
  line = $0
  while (match(line, /<a (id|name)="[^"]+"/)) {
    name = substr(line, RSTART, RLENGTH)
    line = substr(line, RSTART + RLENGTH)
    gsub(/^<a (id|name)="|"$/, "", name)
    note_anchor(file, name)
  }
  paragraph = paragraph " " $0
}

END {
  end_paragraph()
  failed = 0
  for (i = 1; i <= links; i++) {
    split(to[i], target, "#")
    folder = from[i]
    if (!sub(/\/[^\/]*$/, "", folder)) folder = "."
    # The front page of the reference is in another folder after docs/build.
    if (from[i] == "docs/reference/main.md") folder = "build/reference/html"
    path = target[1] == "" ? from[i] : normal(folder "/" target[1])
    if (!(path in exists)) {
      print from[i] ": there is no " target[1]
      failed++
    } else if (path ~ /\.md$/ && to[i] ~ /#/ && !((path "#" target[2]) in anchors)) {
      print from[i] ": " path " has no heading #" target[2]
      failed++
    }
  }
  if (links == 0) { print "no link was found: are these the documents?"; failed++ }
  if (failed == 0) print links " links lead somewhere"
  exit failed != 0
}
