#include "core/report.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>
#include <vector>

namespace locum {

namespace {

void add(RankReport::Traffic& sum, const RankReport::Traffic& one) {
  sum.operations += one.operations;
  sum.bytes += one.bytes;
  sum.timed += one.timed;
  sum.median_ns = std::max(sum.median_ns, one.median_ns);  // those of the slowest rank
  sum.p99_ns = std::max(sum.p99_ns, one.p99_ns);
}

/// Rows of cells, printed as columns: the first is left-aligned, the others right.
class Table {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t column = 0; column < row.size(); ++column) {
        widths[column] = std::max(widths[column], row[column].size());
      }
    }
    std::string all;
    for (const auto& row : rows_) {
      for (std::size_t column = 0; column < row.size(); ++column) {
        const std::string blank(widths[column] - row[column].size(), ' ');
        all.append("  ").append(column == 0 ? row[column] + blank : blank + row[column]);
      }
      all.erase(all.find_last_not_of(' ') + 1);
      all.append("\n");
    }
    return all;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

RankReport total(std::span<const RankReport> ranks) {
  RankReport sum;
  for (const RankReport& rank : ranks) {
    for (std::size_t path = 0; path < path_count; ++path) {
      add(sum.reads[path], rank.reads[path]);
      add(sum.writes[path], rank.writes[path]);
    }
    sum.memory.own_committed += rank.memory.own_committed;
    sum.memory.own_used += rank.memory.own_used;
    sum.memory.own_pinned += rank.memory.own_pinned;
    sum.memory.own_objects += rank.memory.own_objects;
    sum.memory.own_copies += rank.memory.own_copies;
    sum.memory.own_copy_bytes += rank.memory.own_copy_bytes;
    sum.memory.own_on_disk += rank.memory.own_on_disk;
    sum.memory.own_disk_bytes += rank.memory.own_disk_bytes;
    sum.misses += rank.misses;
    sum.evictions += rank.evictions;
    sum.decodes += rank.decodes;
    sum.decoded_hits += rank.decoded_hits;
    sum.messages += rank.messages;
    sum.turned_away += rank.turned_away;
    sum.transfer_ns += rank.transfer_ns;
    sum.waited_ns += rank.waited_ns;
    sum.foreign_messages += rank.foreign_messages;
  }
  return sum;
}

std::string node_table(std::span<const RankReport> ranks) {
  struct Node {
    int ranks = 0;
    MemoryUsage memory;
  };
  std::map<std::int32_t, Node> nodes;
  for (const RankReport& rank : ranks) {
    Node& node = nodes[rank.node];
    ++node.ranks;
    // Ranks sampled their node at different moments; the highest figure is the latest in a growing node.
    node.memory.limit = std::max(node.memory.limit, rank.memory.limit);
    node.memory.committed = std::max(node.memory.committed, rank.memory.committed);
    node.memory.highest = std::max(node.memory.highest, rank.memory.highest);
    node.memory.own_used += rank.memory.own_used;
    node.memory.own_pinned += rank.memory.own_pinned;
    node.memory.own_objects += rank.memory.own_objects;
    node.memory.own_copies += rank.memory.own_copies;
    node.memory.own_copy_bytes += rank.memory.own_copy_bytes;
  }
  Table table;
  table.add({"node", "ranks", "memory", "committed", "highest", "used", "pinned", "objects", "copies",
             "their bytes"});
  for (const auto& [number, node] : nodes) {
    table.add({std::to_string(number), std::to_string(node.ranks),
               node.memory.limit == 0 ? "no limit" : human_bytes(node.memory.limit),
               human_bytes(node.memory.committed), human_bytes(node.memory.highest),
               human_bytes(node.memory.own_used), human_bytes(node.memory.own_pinned),
               std::to_string(node.memory.own_objects), std::to_string(node.memory.own_copies),
               human_bytes(node.memory.own_copy_bytes)});
  }
  return table.text();
}

std::vector<std::string> rank_row(const std::string& label, const RankReport& rank,
                                  const std::string& highest) {
  RankReport::Traffic read;
  RankReport::Traffic written;
  for (std::size_t path = 0; path < path_count; ++path) {
    add(read, rank.reads[path]);
    add(written, rank.writes[path]);
  }
  return {label,
          std::to_string(rank.memory.own_objects),
          human_bytes(rank.memory.own_used),
          highest,
          std::to_string(written.operations),
          human_bytes(written.bytes),
          std::to_string(read.operations),
          human_bytes(read.bytes),
          std::to_string(rank.misses),
          std::to_string(rank.evictions),
          std::to_string(rank.decodes),
          std::to_string(rank.decoded_hits)};
}

std::string rank_table(std::span<const RankReport> ranks, const RankReport& all) {
  Table table;
  table.add({"rank", "objects", "used", "highest", "puts", "written", "gets", "read", "misses", "evictions",
             "decodes", "decoded hits"});
  for (const RankReport& rank : ranks) {
    table.add(rank_row(std::to_string(rank.rank), rank, human_bytes(rank.memory.own_highest)));
  }
  if (ranks.size() > 1) {
    table.add(rank_row("all", all, "-"));  // they had the most at different times
  }
  return table.text();
}

// Only of nodes and ranks that have objects on disk; empty if none has.
std::string disk_table(std::span<const RankReport> ranks) {
  std::map<std::int32_t, MemoryUsage> nodes;
  Table table;
  table.add({"on disk", "objects", "bytes"});
  for (const RankReport& rank : ranks) {
    if (rank.memory.own_on_disk > 0) {
      nodes[rank.node].own_on_disk += rank.memory.own_on_disk;
      nodes[rank.node].own_disk_bytes += rank.memory.own_disk_bytes;
      table.add({"rank " + std::to_string(rank.rank), std::to_string(rank.memory.own_on_disk),
                 human_bytes(rank.memory.own_disk_bytes)});
    }
  }
  for (const auto& [number, node] : nodes) {
    table.add({"node " + std::to_string(number), std::to_string(node.own_on_disk),
               human_bytes(node.own_disk_bytes)});
  }
  return nodes.empty() ? std::string() : "locum: objects whose bytes are on disk\n" + table.text();
}

std::string path_table(const RankReport& all) {
  Table table;
  table.add({"path", "puts", "written", "gets", "read"});
  for (std::size_t path = 0; path < path_count; ++path) {
    const auto& read = all.reads[path];
    const auto& written = all.writes[path];
    if (read.operations + written.operations > 0) {
      table.add({std::string(to_string(static_cast<Path>(path))), std::to_string(written.operations),
                 human_bytes(written.bytes), std::to_string(read.operations), human_bytes(read.bytes)});
    }
  }
  return table.text();
}

// Empty if no times were taken.
std::string time_table(const RankReport& all, bool is_one) {
  Table table;
  table.add(
      {"path", "calls", is_one ? "median" : "median, slowest rank", is_one ? "p99" : "p99, slowest rank"});
  bool has_any = false;
  for (std::size_t path = 0; path < path_count; ++path) {
    const std::string name(to_string(static_cast<Path>(path)));
    const auto add_row = [&](const std::string& label, const RankReport::Traffic& one) {
      if (one.timed != 0) {
        has_any = true;
        const auto time = [](std::uint64_t ns) { return human_time(std::chrono::nanoseconds(ns)); };
        table.add({label, std::to_string(one.timed), time(one.median_ns), time(one.p99_ns)});
      }
    };
    add_row(name + " put", all.writes[path]);
    add_row(name + " get", all.reads[path]);
  }
  return has_any ? "locum: how long calls took\n" + table.text() : std::string();
}

std::string seconds(std::uint64_t ns) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f s", static_cast<double>(ns) * 1e-9);
  return text.data();
}

std::vector<std::string> wait_row(const std::string& label, const RankReport& rank) {
  std::array<char, 32> share{};
  std::snprintf(share.data(), share.size(), "%.1f %%", 100 * hidden_share(rank.transfer_ns, rank.waited_ns));
  return {label, seconds(rank.transfer_ns), seconds(rank.waited_ns), share.data()};
}

std::string wait_table(std::span<const RankReport> ranks, const RankReport& all) {
  Table table;
  table.add({"rank", "under way", "waited for", "hidden"});
  for (const RankReport& rank : ranks) {
    table.add(wait_row(std::to_string(rank.rank), rank));
  }
  if (ranks.size() > 1) {
    table.add(wait_row("all", all));
  }
  return table.text();
}

}  // namespace

double hidden_share(std::uint64_t transfer_ns, std::uint64_t waited_ns) noexcept {
  return waited_ns >= transfer_ns
             ? 0.0
             : static_cast<double>(transfer_ns - waited_ns) / static_cast<double>(transfer_ns);
}

RankReport snapshot(const Metrics& metrics) {
  const auto value = [](const Metrics::Counter& counter) { return counter.load(); };
  const auto traffic = [&](const Metrics::Traffic& counted, const TimeHistogram& times) {
    const auto ns = [&](double share) { return static_cast<std::uint64_t>(times.quantile(share).count()); };
    return RankReport::Traffic{value(counted.operations), value(counted.bytes), times.count(), ns(0.5),
                               ns(0.99)};
  };
  RankReport report;
  for (std::size_t path = 0; path < path_count; ++path) {
    report.reads[path] = traffic(metrics.reads[path], metrics.read_times[path]);
    report.writes[path] = traffic(metrics.writes[path], metrics.write_times[path]);
  }
  report.misses = value(metrics.misses);
  report.evictions = value(metrics.evictions);
  report.decodes = value(metrics.decodes);
  report.decoded_hits = value(metrics.decoded_hits);
  report.messages = value(metrics.messages);
  report.turned_away = value(metrics.turned_away);
  report.transfer_ns = value(metrics.transfer_ns);
  report.waited_ns = value(metrics.waited_ns);
  report.foreign_messages = value(metrics.foreign_messages);
  return report;
}

std::string to_text(std::span<const RankReport> ranks) {
  const RankReport all = total(ranks);
  return "locum: memory by node\n" + node_table(ranks) + "locum: objects and traffic by rank\n" +
         rank_table(ranks, all) + disk_table(ranks) + "locum: how the bytes moved\n" + path_table(all) +
         time_table(all, ranks.size() == 1) +
         "  messages sent on the data path: " + std::to_string(all.messages) + "\n" +
         (all.transfer_ns == 0 ? "" : "locum: objects of other nodes\n" + wait_table(ranks, all)) +
         (all.turned_away == 0 ? ""
                               : "  requests rejected unread: " + std::to_string(all.turned_away) + "\n") +
         (all.foreign_messages == 0 ? ""
                                    : "  messages dropped that no rank of this job has sent: " +
                                          std::to_string(all.foreign_messages) + "\n");
}

std::string human_time(std::chrono::nanoseconds time) {
  return std::to_string(time.count() / 1000) + "." + std::to_string(time.count() / 100 % 10) + " us";
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) {
    return std::to_string(bytes) + " B";
  }
  double scaled = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (scaled >= 1023.995 && unit + 1 < units.size()) {
    scaled /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f ", scaled);
  return std::string(text.data()).append(units[unit]);
}

}  // namespace locum
