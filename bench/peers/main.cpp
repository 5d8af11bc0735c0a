// The store beside those that people run next to an MPI job: the same keys, sizes and order for each, in
// turn. bench/peers/run starts the servers and this; README.md says what is compared.

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "bench/peers/list.hpp"
#include "bench/peers/round.hpp"
#include "bench/samples.hpp"
#include "jobs/table.hpp"

namespace {

using namespace peers;

constexpr int warm_up_rounds = 2;
constexpr std::size_t least_rounds = 3;

struct Options {
  Place place;
  std::vector<std::size_t> sizes{64, 1024, std::size_t{64} << 10U, std::size_t{1} << 20U};
  double seconds = 40;  ///< all sizes together
  std::string only;     ///< text in the names of the peers to compare, with their clients; empty: all

  void add_to(CLI::App& app) {
    app.add_option("--sizes", sizes, "bytes of a value, multiples of 8")->delimiter(',');
    app.add_option("--seconds", seconds, "how long to measure, all sizes together")
        ->check(CLI::PositiveNumber);
    app.add_option("--only", only,
                   "text in the names of the peers to compare with locum, as in RocksDB; with their clients");
    app.add_option("--folder", place.folder, "empty folder on a tmpfs")->check(CLI::ExistingDirectory);
    app.add_option("--redis-socket", place.redis_socket, "unix socket of a Redis server");
    app.add_option("--redis-port", place.redis_port, "its port on the loopback");
    app.add_option("--memcached-socket", place.memcached_socket, "unix socket of a Memcached server");
    app.add_option("--memcached-port", place.memcached_port, "port of another one on the loopback");
  }
};

/// A peer that takes part, and its times with the size that is being measured.
struct Contender {
  const PeerKind* kind;
  std::unique_ptr<Peer> peer;
  std::vector<double> put;
  std::vector<double> get;
  std::vector<double> both;
  std::vector<double> ratio;      ///< of both, to the first contender's in the same turn
  std::vector<double> to_client;  ///< of both, to its client's in the same turn, if it has one
};

/// Whether `--only` means a peer: by its name, or as the client that another one is compared with.
[[nodiscard]] bool is_meant(const PeerKind& kind, const std::string& only) {
  const auto is_named = [&only](const PeerKind& one) {
    return one.name.find(only) != std::string_view::npos;
  };
  return is_named(kind) || std::ranges::any_of(all_peers(), [&](const PeerKind& other) {
           return other.client == kind.name && is_named(other);
         });
}

/// Why a peer cannot take part; empty if it can.
[[nodiscard]] std::string obstacle(const PeerKind& kind, const Place& place) {
  if (kind.make == nullptr) {
    return "built without its client library (package " + std::string(kind.package) + ")";
  }
  return kind.is_there(place) ? "" : "needs " + std::string(kind.needed);
}

[[nodiscard]] std::string in_microseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", seconds * 1e6);
  return text;
}

[[nodiscard]] std::string with_digits(const char* format, double number) {
  char text[32];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

/// Measures all peers with one size, in turn, collectively. How many turns there were.
std::size_t measure(std::vector<Contender>& contenders, MPI_Comm ranks, std::size_t bytes, double seconds) {
  int rank = 0;
  MPI_Comm_rank(ranks, &rank);
  Round round(ranks, bytes, Round::objects_of(bytes));
  for (Contender& contender : contenders) {
    contender.put.clear();
    contender.get.clear();
    contender.both.clear();
    contender.ratio.clear();
    contender.to_client.clear();
    for (int i = 0; i < warm_up_rounds; ++i) {
      (void)round.run(*contender.peer);
    }
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (std::size_t turns = 0;; ++turns) {
    int more = turns < least_rounds || std::chrono::steady_clock::now() < until ? 1 : 0;
    MPI_Bcast(&more, 1, MPI_INT, 0, ranks);
    if (more == 0) {
      return turns;
    }
    for (Contender& contender : contenders) {
      const RoundTimes times = round.run(*contender.peer);
      contender.put.push_back(times.put);
      contender.get.push_back(times.get);
      contender.both.push_back(times.put + times.get);
      contender.ratio.push_back(contender.both.back() / contenders.front().both.back());
      const auto client = std::ranges::find(contenders, contender.kind->client,
                                            [](const Contender& other) { return other.kind->name; });
      if (client != contenders.end()) {
        contender.to_client.push_back(contender.both.back() / client->both.back());
      }
    }
  }
}

void add_rows(jobs::Table& table, const std::vector<Contender>& contenders, int ranks, std::size_t bytes) {
  using locum::bench::median;
  const auto objects = static_cast<double>(Round::objects_of(bytes));
  for (const Contender& contender : contenders) {
    table.add({std::string(contender.kind->name), jobs::format_bytes(static_cast<double>(bytes)),
               with_digits("%.0f", 2 * objects * ranks / median(contender.both)),
               in_microseconds(median(contender.put) / objects),
               in_microseconds(median(contender.get) / objects), with_digits("%.2f", median(contender.ratio)),
               contender.to_client.empty() ? "" : with_digits("%.2f", median(contender.to_client))});
  }
}

/// Measures everything, collectively, and prints the table on rank 0.
void run(Options& options, MPI_Comm ranks) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(ranks, &rank);
  MPI_Comm_size(ranks, &size);
  MPI_Comm machine = MPI_COMM_NULL;
  int of_machine = 0;
  MPI_Comm_split_type(ranks, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
  MPI_Comm_size(machine, &of_machine);
  MPI_Comm_free(&machine);
  if (of_machine != size) {
    throw std::runtime_error("all ranks must be on one machine");
  }
  for (const std::size_t bytes : options.sizes) {
    if (bytes == 0 || bytes % sizeof(std::uint64_t) != 0) {
      throw std::runtime_error("sizes are multiples of 8");
    }
    options.place.bytes = std::max<std::uint64_t>(
        options.place.bytes, bytes * Round::objects_of(bytes) * static_cast<std::uint64_t>(size));
  }
  options.place.ranks = ranks;

  std::vector<Contender> contenders;
  std::string left_out;
  for (const PeerKind& kind : all_peers()) {
    if (!contenders.empty() && !is_meant(kind, options.only)) {
      continue;
    }
    if (const std::string why = obstacle(kind, options.place); !why.empty()) {
      left_out += "left out: " + std::string(kind.name) + ": " + why + '\n';
      continue;
    }
    contenders.push_back({&kind, kind.make(options.place), {}, {}, {}, {}, {}});
  }
  jobs::Table table(
      {"peer", "size", "puts+gets/s", "put, us", "get, us", "time / locum's", "time / client's"});
  std::string turns;
  for (std::size_t i = 0; i < options.sizes.size(); ++i) {
    if (i != 0) {
      table.add_rule();
    }
    const std::size_t bytes = options.sizes[i];
    const double share = options.seconds / static_cast<double>(options.sizes.size());
    turns += (i == 0 ? "" : ", ") + std::to_string(measure(contenders, ranks, bytes, share));
    add_rows(table, contenders, size, bytes);
  }
  // All close at the same time, before the table: what fails then is an error, too.
  contenders.clear();
  if (rank == 0) {
    std::printf("%s%s%d ranks; medians of %s rounds; every byte of every value was compared\n",
                table.text().c_str(), left_out.c_str(), size, turns.c_str());
  }
}

/// Others wait for a rank that fails, so that it ends the job.
[[noreturn]] void end_job(const char* why) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::fprintf(stderr, "locum_peers: rank %d: %s\n", rank, why);
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::_Exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int usage_exit_code = 2;
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  CLI::App app("Compares locum with other stores on this machine. bench/peers/run starts them, and this.",
               "locum_peers");
  Options options;
  options.add_to(app);
  int exit_code = 0;
  try {
    app.parse(argc, argv);
    try {
      run(options, MPI_COMM_WORLD);
    } catch (const std::exception& error) {
      end_job(error.what());
    }
  } catch (const CLI::ParseError& error) {
    std::ostringstream nowhere;
    exit_code = (rank == 0 ? app.exit(error) : app.exit(error, nowhere, nowhere)) == 0 ? 0 : usage_exit_code;
  }
  MPI_Finalize();
  return exit_code;
}
