#include "mpi/runtime/stores.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/object/internal_stores.hpp"
#include "core/report.hpp"

namespace locum {

namespace {

constexpr std::size_t most_rows = 16;

// The number of each store that a rank of this node has registered, and its name.
std::map<std::uint32_t, std::string> names_here(Connector& connector) {
  std::map<std::uint32_t, std::string> names;
  for (const Key& key : connector.keys_of_node(registry)) {
    if (const auto registration = connector.get(Address(key), {})) {
      const ObjectFacts facts = registration->facts();
      const std::uint64_t number = connector.store_number(facts.name, facts.generation);
      if (facts.whole && !facts.name.empty() && number <= last_store) {
        names[static_cast<std::uint32_t>(number)] = facts.name;
      }
    }
  }
  return names;
}

std::string title_of(const StoreRow& row, const std::map<std::uint32_t, std::string>& names) {
  const auto known = names.find(row.usage.store);
  return known != names.end() ? known->second : "number " + std::to_string(row.usage.store);
}

std::string line_of(const std::string& title, const std::string& whose, const StoreUsage& usage,
                    bool of_node) {
  std::string line = "  " + title + ", " + whose + ": " + std::to_string(usage.own_objects) + " objects, " +
                     human_bytes(usage.own_used) + " used, " + human_bytes(usage.own_pinned) +
                     " of them pinned";
  if (usage.own_disk_bytes != 0) {
    line += ", " + human_bytes(usage.own_disk_bytes) + " on disk";
  }
  if (of_node && usage.budget != 0) {
    line += "; budget " + human_bytes(usage.budget) + ", " + human_bytes(usage.node_used) +
            " of it used, at most " + human_bytes(usage.node_highest) + " so far";
  }
  return line + '\n';
}

}  // namespace

std::vector<StoreRow> store_rows(Connector& connector, int rank, int node) {
  StoreAccounts* const accounts = connector.capability<StoreAccounts>();
  if (accounts == nullptr) {
    return {};
  }
  std::vector<StoreUsage> stores = accounts->usage();
  std::erase_if(stores,
                [](const StoreUsage& one) { return one.store == registry || is_internal(one.store); });
  std::ranges::sort(stores, [](const StoreUsage& a, const StoreUsage& b) {
    return std::pair(a.budget != 0, a.own_used) > std::pair(b.budget != 0, b.own_used);
  });
  stores.resize(std::min(stores.size(), most_rows));
  const auto names = names_here(connector);
  std::vector<StoreRow> rows;
  for (const StoreUsage& one : stores) {
    StoreRow& row = rows.emplace_back(StoreRow{.usage = one, .rank = rank, .node = node});
    if (const auto known = names.find(one.store); known != names.end()) {
      (void)known->second.copy(row.name.data(), row.name.size() - 1);
    }
  }
  return rows;
}

std::vector<StoreRow> gather_rows(mpi::CommunicatorGroup& group, const std::vector<StoreRow>& mine) {
  struct Rows {
    std::uint64_t count = 0;
    std::array<StoreRow, most_rows> rows{};
  };
  Rows here{.count = std::min(mine.size(), most_rows)};
  std::copy_n(mine.begin(), here.count, here.rows.begin());
  std::vector<StoreRow> all;
  for (const Rows& there : mpi::gathered(group, here)) {
    all.insert(
        all.end(), there.rows.begin(),
        there.rows.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(there.count, most_rows)));
  }
  return all;
}

std::string to_text(std::span<const StoreRow> rows) {
  std::map<std::uint32_t, std::string> names;
  std::map<std::pair<std::uint32_t, std::int32_t>, std::pair<StoreUsage, int>> nodes;
  for (const StoreRow& row : rows) {
    if (row.name[0] != 0) {
      names[row.usage.store] = '"' + std::string(row.name.data()) + '"';
    }
    auto& [sum, ranks] = nodes[{row.usage.store, row.node}];
    sum.budget = row.usage.budget;
    sum.node_used = std::max(sum.node_used, row.usage.node_used);  // sampled at different moments
    sum.node_highest = std::max(sum.node_highest, row.usage.node_highest);
    sum.own_objects += row.usage.own_objects;
    sum.own_used += row.usage.own_used;
    sum.own_pinned += row.usage.own_pinned;
    sum.own_disk_bytes += row.usage.own_disk_bytes;
    ++ranks;
  }
  std::string text;
  for (const StoreRow& row : rows) {
    const auto found = nodes.find({row.usage.store, row.node});
    if (found == nodes.end()) {
      continue;  // its node was printed with an earlier row
    }
    const auto [sum, ranks] = found->second;
    nodes.erase(found);
    text += line_of(title_of(row, names), "node " + std::to_string(row.node), sum, true);
    for (const StoreRow& one : rows) {
      if (ranks > 1 && one.usage.store == row.usage.store && one.node == row.node) {
        text += line_of("  rank " + std::to_string(one.rank), "its own", one.usage, false);
      }
    }
  }
  return text.empty() ? text : "locum: stores\n" + text;
}

}  // namespace locum
