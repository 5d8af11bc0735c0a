#include "core/job_report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "core/report.hpp"
#include "core/version.hpp"

namespace locum {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

std::string size_or_none(std::uint64_t bytes) {
  return bytes >= no_limit / 2 ? "no limit" : human_bytes(bytes);
}

std::string counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + ' ' + one + (count == 1 ? "" : "s");
}

// "0-3, 7"
std::string ranges(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (std::size_t at = 0; at < numbers.size();) {
    std::size_t last = at;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    text += (text.empty() ? "" : ", ") + std::to_string(numbers[at]);
    text += last > at ? '-' + std::to_string(numbers[last]) : std::string();
    at = last + 1;
  }
  return text;
}

std::string name_of(const RankFacts& rank) {
  return {rank.host.begin(), std::ranges::find(rank.host, char{})};
}

std::string thread_level(std::int32_t level) {
  constexpr std::array<std::string_view, 4> names{"SINGLE", "FUNNELED", "SERIALIZED", "MULTIPLE"};
  return "MPI_THREAD_" +
         std::string(level >= 0 && level < 4 ? names.at(static_cast<std::size_t>(level)) : "unknown");
}

std::map<std::int32_t, std::vector<std::size_t>> ranks_of_nodes(std::span<const RankFacts> ranks) {
  std::map<std::int32_t, std::vector<std::size_t>> nodes;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    nodes[ranks[rank].node].push_back(rank);
  }
  return nodes;
}

// Nodes that differ in nothing but their host and ranks share a line, however many there are.
struct Line {
  std::string facts;
  std::vector<std::size_t> nodes;
  std::vector<std::size_t> ranks;
  std::string first_host;
};

std::string facts_of(const RankFacts& first, std::size_t ranks) {
  return counted(ranks, "rank") + ", " + counted(static_cast<std::size_t>(first.cores_online), "core") +
         ", " + human_bytes(first.memory_bytes) + " for objects (/dev/shm: " + size_or_none(first.shm_bytes) +
         ")";
}

std::vector<Line> lines_of(std::span<const RankFacts> ranks) {
  std::vector<Line> lines;
  for (const auto& [node, members] : ranks_of_nodes(ranks)) {
    const RankFacts& first = ranks[members.front()];
    const std::string facts = facts_of(first, members.size());
    auto line = std::ranges::find(lines, facts, &Line::facts);
    if (line == lines.end()) {
      lines.push_back({.facts = facts, .nodes = {}, .ranks = {}, .first_host = name_of(first)});
      line = lines.end() - 1;
    }
    line->nodes.push_back(static_cast<std::size_t>(node));
    line->ranks.insert(line->ranks.end(), members.begin(), members.end());
  }
  return lines;
}

template <class Is>
std::optional<std::size_t> first_with(std::span<const RankFacts> ranks, Is is) {
  const auto found = std::ranges::find_if(ranks, is);
  return found == ranks.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - ranks.begin()));
}

std::string on(std::span<const RankFacts> ranks, std::size_t rank) {
  return " (rank " + std::to_string(rank) + " on " + name_of(ranks[rank]) + ")";
}

}  // namespace

std::string describe(const JobFacts& job, std::span<const RankFacts> ranks) {
  const std::size_t nodes = ranks_of_nodes(ranks).size();
  std::string text = "locum " + std::string(version()) + ": " + counted(ranks.size(), "rank") + " on " +
                     counted(nodes, "node") + (job.splits_machines ? " (LOCUM_RANKS_PER_NODE)" : "") + '\n';
  for (const Line& line : lines_of(ranks)) {
    text += "  node" + std::string(line.nodes.size() == 1 ? " " : "s ") + ranges(line.nodes) + ": " +
            line.first_host + (line.nodes.size() == 1 ? "" : " …") + ", ranks " + ranges(line.ranks) + "; " +
            (line.nodes.size() == 1 ? "" : "each ") + line.facts + '\n';
  }
  text += "  within a node: shared memory, read in place\n";
  if (!job.spill_folder.empty()) {
    text += "  spilled objects: on disk below '" + job.spill_folder + "' of each node, " +
            (job.spill_bytes == 0 ? "as far as that has room" : "at most " + human_bytes(job.spill_bytes)) +
            '\n';
  }
  if (!job.transport.empty()) {
    text += "  between nodes: " + job.transport +
            (job.transport_details.empty() ? "" : ", " + job.transport_details) + '\n';
    text += "    up to 8 KiB with the message; larger objects by rendezvous, pushed by their owner\n";
    text += "    one-sided reads of large objects (LOCUM_ONE_SIDED): " + job.one_sided + '\n';
  }
  if (ranks.empty()) {
    return text;
  }
  const RankFacts& first = ranks.front();
  text += "  MPI: " + job.mpi + ", " + thread_level(first.thread_level) + '\n';
  text += "  rank 0: bound to " + counted(static_cast<std::size_t>(first.cores_allowed), "core") + " of " +
          std::to_string(first.cores_online) + ", " +
          counted(static_cast<std::size_t>(first.numa_nodes), "NUMA node") +
          "; copies between processes (CMA) " + (first.copies_between_processes ? "allowed" : "forbidden") +
          "; huge pages in shared memory " + (first.huge_pages ? "on request" : "off") + "; open files " +
          std::to_string(first.open_files) + ", locked memory " + size_or_none(first.locked_bytes) + '\n';
  return text;
}

std::vector<Advice> advice(const JobFacts& job, std::span<const RankFacts> ranks) {
  std::vector<Advice> all;
  const auto warn = [&all](Severity severity, std::string text) {
    all.push_back({.severity = severity, .text = std::move(text)});
  };
  const std::size_t nodes = ranks_of_nodes(ranks).size();
  constexpr std::uint64_t little = 8;
  if (const auto rank = first_with(ranks, [](const RankFacts& facts) {
        return facts.shm_bytes < facts.physical_bytes / little && facts.memory_bytes <= facts.shm_bytes;
      })) {
    warn(Severity::warning, "/dev/shm has " + human_bytes(ranks[*rank].shm_bytes) + " of " +
                                human_bytes(ranks[*rank].physical_bytes) + " of memory" + on(ranks, *rank) +
                                ", and a node's objects half of that unless told otherwise; set "
                                "LOCUM_MEMORY_BYTES, start a container with --shm-size, or mount it larger");
  }
  if (job.only_in_calls) {
    warn(
        Severity::warning,
        "the transport is mpi, and MPI was initialised without MPI_THREAD_MULTIPLE on some rank: ranks serve "
        "other nodes only while they are in calls of the library, and objects do not arrive while they "
        "compute; call MPI_Init_thread with MPI_THREAD_MULTIPLE, or set LOCUM_TRANSPORT=ucx");
  }
  if (const auto rank = first_with(ranks,
                                   [](const RankFacts& facts) {
                                     return facts.cores_allowed == 1 &&
                                            facts.cores_online > facts.ranks_on_machine;
                                   });
      rank && nodes > 1 && !job.only_in_calls) {
    warn(Severity::warning,
         "a rank is bound to one core" + on(ranks, *rank) +
             ": the thread that serves other nodes takes turns with the program there; bind ranks to two "
             "cores "
             "(mpirun --map-by slot:PE=2, srun --cpus-per-task=2), or to none (mpirun --bind-to none)");
  }
  constexpr std::uint64_t connections_of_a_rank = 3;
  if (const auto rank = first_with(ranks,
                                   [&](const RankFacts& facts) {
                                     return facts.open_files < connections_of_a_rank * ranks.size() + 100;
                                   });
      rank && nodes > 1) {
    warn(Severity::warning, "a process may open " + std::to_string(ranks[*rank].open_files) + " files" +
                                on(ranks, *rank) + ", and over TCP it needs up to three for each of " +
                                std::to_string(ranks.size()) + " ranks; raise ulimit -n");
  }
  if (const auto rank = first_with(
          ranks, [](const RankFacts& facts) { return facts.ranks_on_machine > facts.cores_online; })) {
    warn(Severity::note, std::to_string(ranks[*rank].ranks_on_machine) + " ranks share " +
                             std::to_string(ranks[*rank].cores_online) + " cores" + on(ranks, *rank) +
                             ": nothing polls, and each wait costs a wake-up; start as many ranks as cores");
  }
  if (job.transport == "mpi") {
    warn(Severity::note,
         "the transport is mpi: an idle rank asks MPI a thousand times a second, and a rank that dies ends "
         "the "
         "job; set LOCUM_TRANSPORT=ucx where UCX fits the network");
  }
  if (job.splits_machines) {
    warn(Severity::note,
         "LOCUM_RANKS_PER_NODE splits machines into nodes that share no memory: for tests; unset it");
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &Advice::severity);
  return all;
}

}  // namespace locum
