#include "bench/scaling/report.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "bench/scaling/json.hpp"
#include "jobs/table.hpp"

namespace scaling {

namespace {

constexpr std::array widths{-10, 9, 8, 8, 8, 11, 12, 8, 6, 8};
using Cells = std::array<std::string, widths.size()>;

/// Cells below each other: a negative width is that of a cell at the left edge.
[[nodiscard]] std::string line(const Cells& cells) {
  std::string text = " ";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    char cell[64];
    std::snprintf(cell, sizeof cell, " %*s", widths[i], cells[i].c_str());
    text += cell;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

[[nodiscard]] std::string rule() {
  std::size_t width = 0;
  for (const int each : widths) {
    width += static_cast<std::size_t>(std::abs(each)) + 1;
  }
  return "  " + std::string(width - 1, '-') + '\n';
}

/// A rate: three digits, and thousands as k, M, G.
[[nodiscard]] std::string rate(double in_a_second) {
  constexpr std::array<const char*, 4> units{"", "k", "M", "G"};
  std::size_t unit = 0;
  while (in_a_second >= 999.5 && unit + 1 < units.size()) {
    in_a_second /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s/s",
                in_a_second < 9.995   ? 2
                : in_a_second < 99.95 ? 1
                                      : 0,
                in_a_second, units[unit]);
  std::string result = text;
  if (unit == 0) {
    result.erase(result.find(' '), 1);
  }
  return result;
}

[[nodiscard]] std::string ratio_text(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f",
                ratio < 0.0995 ? 3
                : ratio < 9.95 ? 2
                : ratio < 99.5 ? 1
                               : 0,
                ratio);
  return text;
}

[[nodiscard]] std::string size_text(std::size_t bytes) {
  return bytes == 0 ? "-" : jobs::format_bytes(static_cast<double>(bytes));
}

void add_times(Json& json, const Times& times) {
  json.field("p50", times.p50);
  json.field("p99", times.p99);
  json.field("p99_9", times.p99_9);
}

}  // namespace

std::string describe(const Machine& machine) {
  const auto plural = [](int count, const char* noun) {
    return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
  };
  std::string text = "locum " + machine.locum;
  if (!machine.commit.empty()) {
    text += " (" + machine.commit + ')';
  }
  text += ": " + plural(machine.ranks, "rank") + " on " + plural(machine.nodes, "node") + ", " +
          plural(machine.hosts, "host") + " of " + plural(machine.cores, "core") + ", " + machine.kernel +
          '\n';
  text += machine.mpi;
  if (!machine.ucx.empty()) {
    text += ", UCX " + machine.ucx;
  }
  return text + "; " + machine.transport + '\n';
}

std::string table_head(const std::string& mode) {
  std::string text = '\n' + mode + " scaling: ";
  text += mode == "weak" ? "the same work for each rank\n\n" : "the same work for all ranks together\n\n";
  return text +
         line({"case", "size", "p50", "p99", "p99.9", "operations", "throughput", "MPI p50", "ratio",
               "repeats"}) +
         rule();
}

std::string table_row(const Row& row, const Row* before) {
  const bool same = before != nullptr && before->name == row.name && before->mode == row.mode;
  const std::string note = row.has_twin ? row.twin_note : "no twin: " + row.no_twin;
  return line({same ? "" : row.name, size_text(row.bytes), jobs::format_seconds(row.ours.p50),
               jobs::format_seconds(row.ours.p99), jobs::format_seconds(row.ours.p99_9),
               rate(row.operations_rate()),
               row.all_bytes == 0 ? "-" : jobs::format_bytes(row.bytes_rate()) + "/s",
               row.has_twin ? jobs::format_seconds(row.twin.p50) : "-",
               row.has_twin ? ratio_text(row.ratio) : "-", std::to_string(row.repetitions)}) +
         (same || note.empty() ? "" : std::string(23, ' ') + note + '\n');
}

std::string table_row(const SkippedRow& row) {
  char text[64];
  std::snprintf(text, sizeof text, "  %*s %*s ", widths[0], row.name.c_str(), widths[1],
                size_text(row.bytes).c_str());
  return text + (" left out: " + row.why) + '\n';
}

std::string table_foot(const Machine& machine) {
  const std::string crowded = machine.ranks <= machine.hosts * machine.cores
                                  ? ""
                                  : "There are more ranks than cores: ranks take turns, and the throughput "
                                    "of short operations is too high.\n";
  const std::string split = machine.nodes <= machine.hosts
                                ? ""
                                : "Several nodes are one host: between them ours sends messages, where MPI "
                                  "uses memory that they share.\n";
  return "\nTimes are those of the slowest rank, for one operation. ratio: ours / MPI, the median of pairs "
         "that were\n"
         "measured in turn; below 1 ours is faster. throughput: of all ranks, at p50.\n" +
         crowded + split;
}

std::string to_json(const Machine& machine, const std::vector<Row>& rows,
                    const std::vector<SkippedRow>& skipped) {
  Json json;
  json.begin_object();
  json.field("schema", "locum_scaling");
  json.field("schema_version", schema_version);
  json.name("machine");
  json.begin_object();
  json.field("date", machine.date);
  json.field("locum", machine.locum);
  json.name("commit");
  machine.commit.empty() ? json.null() : json.value(machine.commit);
  json.field("ranks", machine.ranks);
  json.field("nodes", machine.nodes);
  json.field("ranks_per_node", machine.ranks_per_node);
  json.field("hosts", machine.hosts);
  json.field("cores", machine.cores);
  json.field("memory_bytes", machine.memory_bytes);
  json.field("kernel", machine.kernel);
  json.field("mpi", machine.mpi);
  json.name("ucx");
  machine.ucx.empty() ? json.null() : json.value(machine.ucx);
  json.field("transport", machine.transport);
  json.end_object();

  json.name("rows");
  json.begin_array();
  for (const Row& row : rows) {
    json.begin_object();
    json.field("case", row.name);
    json.field("mode", row.mode);
    json.field("bytes", static_cast<std::uint64_t>(row.bytes));
    json.field("ranks", machine.ranks);
    json.field("nodes", machine.nodes);
    json.field("repetitions", row.repetitions);
    json.field("operations", static_cast<std::uint64_t>(row.operations));
    add_times(json, row.ours);
    json.field("throughput", row.operations_rate());
    json.field("bytes_per_second", row.bytes_rate());
    json.name("twin_p50");
    row.has_twin ? json.value(row.twin.p50) : json.null();
    json.name("ratio");
    row.has_twin ? json.value(row.ratio) : json.null();
    json.field("batches", row.ours.batches);
    if (row.has_twin) {
      json.name("twin");
      json.begin_object();
      add_times(json, row.twin);
      json.field("batches", row.twin.batches);
      json.end_object();
      json.field("ratio_batches", row.ratio_batches);
      if (!row.twin_note.empty()) {
        json.field("twin_note", row.twin_note);
      }
    } else {
      json.field("no_twin", row.no_twin);
    }
    json.end_object();
  }
  json.end_array();

  json.name("skipped");
  json.begin_array();
  for (const SkippedRow& row : skipped) {
    json.begin_object();
    json.field("case", row.name);
    json.field("mode", row.mode);
    json.field("bytes", static_cast<std::uint64_t>(row.bytes));
    json.field("why", row.why);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.text();
}

}  // namespace scaling
