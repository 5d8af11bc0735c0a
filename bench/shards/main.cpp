// Epochs over shards beside a loop that reads the same files by hand, cold and from the cache of files;
// single samples; and the size and speed of shards beside those of Squirrel. See README.md.
#include <fcntl.h>
#include <mpi.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <locum/epochs.hpp>
#include <locum/locum.hpp>
#include <locum/shards.hpp>

#include "bench/samples.hpp"

namespace {

using namespace locum::literals;
using locum::Array;
using locum::Record;

constexpr std::size_t sample_bytes = 16'384;
constexpr std::uint64_t samples_of_shard = 4096;  // 64 MiB

struct Sample {
  static constexpr std::string_view locum_type_name = "bench.sample";
  std::array<std::uint64_t, sample_bytes / sizeof(std::uint64_t)> words;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Where the figures of a run come from.
struct Job {
  std::string folder;
  int rank = 0;
  int ranks = 1;
  std::uint64_t shards = 16;
  int turns = 3;

  [[nodiscard]] std::string path(std::uint64_t shard) const {
    return folder + "/epoch/" + std::to_string(1000 + shard) + ".shard";
  }
};

/// Has the system forget what it keeps of a file.
void forget(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  if (file < 0 || ::fdatasync(file) != 0 || ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0) {
    std::perror(path.c_str());
    std::exit(1);
  }
  ::close(file);
}

/// Returns the time of the slowest rank.
template <class Call>
double timed(const Call& call) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = now();
  call();
  const double mine = now() - start;
  double all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return all;
}

/// Reads every file of this rank's part as fast as read() gives it; returns the sum of some of its words.
std::uint64_t read_by_hand(const Job& job) {
  std::vector<char> memory(std::size_t{4} << 20U);
  std::uint64_t sum = 0;
  for (auto shard = static_cast<std::uint64_t>(job.rank); shard < job.shards;
       shard += static_cast<std::uint64_t>(job.ranks)) {
    const int file = ::open(job.path(shard).c_str(), O_RDONLY);
    for (ssize_t got = 0; (got = ::read(file, memory.data(), memory.size())) > 0;) {
      for (std::size_t at = 0; at + sample_bytes <= static_cast<std::size_t>(got); at += sample_bytes) {
        Sample sample;
        std::memcpy(&sample, memory.data() + at, sizeof sample);
        sum += sample.words[7];
      }
    }
    ::close(file);
  }
  return sum;
}

void epochs_row(const Job& job, const locum::ShardStore<Sample>& store, bool is_cold, std::uint64_t block) {
  std::vector<double> hand;
  std::vector<double> epoch;
  std::vector<double> ratios;
  std::uint64_t sum = 0;
  const auto begin_cold = [&] {
    MPI_Barrier(MPI_COMM_WORLD);
    for (std::uint64_t shard = 0; is_cold && job.rank == 0 && shard < job.shards; ++shard) {
      forget(job.path(shard));
    }
  };
  for (int turn = 0; turn < job.turns; ++turn) {
    begin_cold();
    hand.push_back(timed([&] { sum += read_by_hand(job); }));
    begin_cold();
    std::uint64_t samples = 0;
    epoch.push_back(timed([&] {
      auto reader = locum::epochs(store, {.seed = static_cast<std::uint64_t>(turn), .shuffle_block = block})
                        .reader(static_cast<std::uint64_t>(job.rank), static_cast<std::uint64_t>(job.ranks));
      for (auto next = reader.next(); next.value(); next = reader.next()) {
        sum += (*next)->words[7];
        ++samples;
      }
    }));
    MPI_Allreduce(MPI_IN_PLACE, &samples, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    if (samples != job.shards * samples_of_shard) {
      std::fprintf(stderr, "%llu samples\n", static_cast<unsigned long long>(samples));
      std::exit(1);
    }
    ratios.push_back(hand.back() / epoch.back());
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  if (job.rank == 0) {
    std::printf(
        "epoch, %s, blocks of %3llu MiB: by hand %.2f s, epochs %.2f s, ratio %.2f (%.2f to %.2f); largest "
        "memory %ld MiB%s\n",
        is_cold ? "cold  " : "cached", static_cast<unsigned long long>((block * sample_bytes) >> 20U),
        locum::bench::median(hand), locum::bench::median(epoch), locum::bench::median(ratios),
        *std::ranges::min_element(ratios), *std::ranges::max_element(ratios), used.ru_maxrss >> 10U,
        sum == 1 ? "!" : "");
  }
}

void samples_row(const Job& job, const locum::ShardLayout& layout) {
  constexpr std::uint64_t count = 65'536;
  constexpr int reads = 50'000;
  std::mt19937 random(1);
  std::vector<std::string> samples(count);
  for (std::string& sample : samples) {
    while (sample.size() < 1024) {
      sample += "value " + std::to_string(random() % 100'000) + ", ";
    }
    sample.resize(1024);
  }
  const locum::ShardStore<std::string> store(locum::Files("file:" + job.folder + "?sync=0"), "samples",
                                             layout);
  const auto shard = store.get(store.set(samples).value()).value();
  std::vector<double> rates;
  std::uint64_t sum = 0;
  for (int turn = 0; turn < job.turns; ++turn) {
    const double start = now();
    for (int read = 0; read < reads; ++read) {
      sum += static_cast<unsigned char>(shard.get(random() % count).value()[5]);
    }
    rates.push_back(reads / (now() - start));
  }
  std::printf("one sample of 1 KiB, %-8s blocks of %2llu KiB: %.0f a second%s\n",
              layout.codec.empty() ? "flat" : std::string(layout.codec).c_str(),
              static_cast<unsigned long long>(layout.block_bytes >> 10U), locum::bench::median(rates),
              sum == 1 ? "!" : "");
  std::filesystem::remove_all(job.folder + "/samples");
}

std::vector<Record> records(const std::string& kind) {
  std::mt19937 random(1);
  std::vector<Record> made;
  for (int number = 0; number < 20'000; ++number) {
    Record sample{{"label", static_cast<int>(random() % 10)}, {"metadata", Record{{"key", number}}}};
    if (kind == "text") {
      std::string text;
      while (text.size() < 900) {
        text += std::array{"temperature", "pressure", "velocity", "cell", "boundary", "wall"}[random() % 6];
        text += ' ' + std::to_string(random() % 1000) + ',';
      }
      sample.set("text", text);
    } else if (kind == "images") {
      std::vector<std::uint8_t> pixels(32 * 32);
      const auto x0 = static_cast<double>(random() % 32);
      const auto y0 = static_cast<double>(random() % 32);
      for (std::size_t at = 0; at < pixels.size(); ++at) {
        const double x = static_cast<double>(at % 32) - x0;
        const double y = static_cast<double>(at / 32) - y0;
        pixels[at] = static_cast<std::uint8_t>(250 * std::exp(-(x * x + y * y) / 60) +
                                               static_cast<double>(random() % 4));
      }
      sample.set("image", Array(locum::array(pixels.data(), {32, 32})));
    } else {
      std::vector<double> reals(27);
      std::ranges::generate(reals, [&] { return static_cast<double>(random()) / 4294967296.0; });
      sample.set("image", Array(locum::array(reals.data(), {3, 3, 3})));
    }
    made.push_back(std::move(sample));
  }
  return made;
}

/// What a set of shards takes.
struct Cost {
  double bytes;
  double write;
  double read;
};

Cost cost_of(const Job& job, const std::string& url, const locum::ShardLayout& layout,
             const std::vector<Record>& samples) {
  std::filesystem::remove_all(job.folder + "/compared");
  const auto store = locum::open_shards(url, layout).value();
  const double start = now();
  store.set(samples, {.key = "k"}).value();
  Cost cost{static_cast<double>(store.index().value()[0].bytes), now() - start, 1e9};
  for (int turn = 0; turn < job.turns; ++turn) {
    const double begin = now();
    std::size_t members = 0;
    for (const Record& sample : locum::open_shards(url, layout).value().get("k").value()) {
      members += sample.size();
    }
    cost.read = members == 3 * samples.size() ? std::min(cost.read, now() - begin) : 0;
  }
  return cost;
}

void squirrel_rows(const Job& job) {
  for (const std::string kind : {"text", "images", "reals"}) {
    const auto samples = records(kind);
    const std::string place = job.folder + "/compared?sync=0";
    const Cost gz = cost_of(job, "msgpack+file:" + place, {}, samples);
    for (const locum::ShardLayout& layout : {locum::ShardLayout{}, locum::ShardLayout{.codec = "zstd(3)"},
                                             locum::ShardLayout{.codec = "lz4", .block_bytes = 128 << 10}}) {
      const Cost mine = cost_of(job, "file:" + place, layout, samples);
      std::printf("%-6s beside Squirrel's .gz, %-8s: size %.2f, writing %.1f x, reading in order %.1f x\n",
                  kind.c_str(), std::string(layout.codec).c_str(), mine.bytes / gz.bytes,
                  gz.write / mine.write, gz.read / mine.read);
    }
  }
  std::filesystem::remove_all(job.folder + "/compared");
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  if (argc < 2) {
    std::fprintf(stderr, "usage: mpirun -n 2 locum_bench_shards FOLDER [GiB of the epoch: 1] [turns: 3]\n");
    return 2;
  }
  {
    Job job{.folder = std::string(argv[1]) + "/locum_bench_shards"};
    MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &job.ranks);
    job.shards = 16 * (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
    job.turns = argc > 3 ? std::atoi(argv[3]) : 3;
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 3_GiB});
    {
      const locum::ShardStore<Sample> store(runtime.files("file:" + job.folder + "?sync=0"), "epoch",
                                            {.codec = "", .block_bytes = 256 << 10});
      std::vector<Sample> samples(samples_of_shard);
      std::mt19937_64 random(static_cast<std::uint64_t>(job.rank));
      for (auto shard = static_cast<std::uint64_t>(job.rank); shard < job.shards;
           shard += static_cast<std::uint64_t>(job.ranks)) {
        for (Sample& sample : samples) {
          sample.words.fill(random());
        }
        store.set(samples, {.key = std::to_string(1000 + shard)}).value();
      }
      for (const bool is_cold : {true, false}) {
        for (const std::uint64_t block : {4096, 16'384}) {
          epochs_row(job, store, is_cold, block);
        }
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (job.rank == 0) {
      std::filesystem::remove_all(job.folder + "/epoch");
      for (const std::uint64_t block : {8 << 10, 16 << 10, 64 << 10}) {
        samples_row(job, {.codec = "", .block_bytes = block});
        samples_row(job, {.codec = "zstd(7)", .block_bytes = block});
      }
      squirrel_rows(job);
      std::filesystem::remove_all(job.folder);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  MPI_Finalize();
}
