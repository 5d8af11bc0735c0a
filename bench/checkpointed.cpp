// How fast a store reaches the disk, and comes back: beside a plain file of as many bytes in the same folder,
// written and synced by one process; and beside HDF5 alone, one dataset for all of a rank, each rank its own
// file. And what a simulation loses while its store is written in the background.

#include <fcntl.h>
#include <hdf5.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

// Of a checkpoint: LOCUM_BENCH_CHECKPOINT_GIB, or 1.
std::uint64_t gibibytes() {
  const char* const named = std::getenv("LOCUM_BENCH_CHECKPOINT_GIB");
  return named == nullptr ? 1 : std::strtoull(named, nullptr, 10);
}
const std::uint64_t all_bytes = gibibytes() * 1_GiB;
constexpr std::uint64_t piece_bytes = 1_MiB;
constexpr std::uint64_t computed_bytes = 8_MiB;

void need(bool done, const char* what) {
  if (!done) {
    throw std::runtime_error(what);
  }
}

/// All ranks together have a store of all_bytes, in objects of the given size, and a folder:
/// LOCUM_BENCH_FOLDER, or the working folder. Every function is collective, and gives GB/s.
class Checkpointed {
 public:
  explicit Checkpointed(std::uint64_t object_bytes)
      : runtime_(MPI_COMM_WORLD, {.memory_bytes = 3 * all_bytes + 1_GiB}),
        own_(all_bytes / world_size() / sizeof(double)) {
    std::iota(own_.begin(), own_.end(), world_rank());
    const std::uint64_t objects = all_bytes / world_size() / object_bytes;
    for (std::uint64_t object = 0; object < objects; ++object) {
      keys_.push_back(make(object_bytes));
    }
    if (world_rank() == 0) {
      std::filesystem::create_directories(folder_);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  ~Checkpointed() {
    MPI_Barrier(MPI_COMM_WORLD);
    if (world_rank() == 0) {
      std::filesystem::remove_all(folder_);
    }
  }

  [[nodiscard]] double checkpoint() {
    return rate([&] {
      need(runtime_.checkpoint("checkpointed", folder_ + "/ours.h5").value().bytes == all_bytes, "bytes");
    });
  }
  // As a step would that makes a sixteenth of the objects anew.
  [[nodiscard]] double checkpoint_what_is_new() {
    for (std::uint64_t object = 0; object < keys_.size() / 16; ++object) {
      Key& oldest = keys_[next_++ % keys_.size()];
      (void)store_.evict(oldest).value();
      oldest = make(all_bytes / world_size() / keys_.size());
    }
    return rate([&] {
      need(runtime_.checkpoint("checkpointed", folder_ + "/steps.h5", {.incremental = true}).value().bytes ==
               all_bytes,
           "bytes");
    });
  }
  // How long the ranks cannot compute: milliseconds.
  [[nodiscard]] double begin_in_background() {
    AsyncResult<CheckpointReport> begun;
    MPI_Barrier(MPI_COMM_WORLD);
    const double taken =
        timed([&] { begun = runtime_.checkpoint_async("checkpointed", folder_ + "/ours.h5"); });
    need(begun.get(std::chrono::minutes(5)).value().bytes == all_bytes, "bytes");
    return 1e3 * slowest(taken);
  }
  // Passes over 8 MiB of this rank's own memory a second, on the slowest rank.
  [[nodiscard]] double compute_while_writing() {
    MPI_Barrier(MPI_COMM_WORLD);
    const auto begun = runtime_.checkpoint_async("checkpointed", folder_ + "/ours.h5");
    const double rate = passes([&] { return begun.ready(); });
    need(begun.get(std::chrono::minutes(5)).value().bytes == all_bytes, "bytes");
    return rate;
  }
  // The same while a thread of each rank writes the rank's share to a plain file.
  [[nodiscard]] double compute_while_plain_writing() {
    MPI_Barrier(MPI_COMM_WORLD);
    std::atomic<bool> is_written = false;
    std::thread writer([&] {
      write_plain(folder_ + "/plain." + std::to_string(world_rank()), all_bytes / world_size());
      is_written = true;
    });
    const double rate = passes([&] { return is_written.load(); });
    writer.join();
    return rate;
  }
  [[nodiscard]] double compute_alone() {
    MPI_Barrier(MPI_COMM_WORLD);
    const auto start = Clock::now();
    return passes([start] { return seconds_since(start) >= 0.5; });
  }
  // Lands in another store, which is dropped again.
  [[nodiscard]] double restore() {
    forget();
    const double got = rate([&] {
      need(runtime_.restore("restored", folder_ + "/ours.h5", {.keep_handles = false}).value().bytes ==
               all_bytes,
           "bytes");
    });
    runtime_.drop("restored");
    return got;
  }
  // Until each rank has used one object: milliseconds.
  [[nodiscard]] double restore_and_use_one(bool lazily) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double taken = timed([&] {
      need(runtime_.restore("restored", folder_ + "/named.h5", {.keep_handles = false, .lazy = lazily})
                   .value()
                   .objects == 2 * static_cast<std::uint64_t>(world_size()),
           "objects");
      need(restored_.get<double[]>(first_name()).value()[0] == world_rank(), "get");
    });
    MPI_Barrier(MPI_COMM_WORLD);
    runtime_.drop("restored");
    restored_ = runtime_.store("restored");
    return 1e3 * slowest(taken);
  }
  void name_some() {
    Store named = runtime_.store("named");
    (void)named.put(first_name(), std::span(own_).first(own_.size() / 2)).value();
    (void)named.put(first_name() + "/other", std::span(own_).last(own_.size() / 2)).value();
    (void)runtime_.checkpoint("named", folder_ + "/named.h5").value();
  }
  [[nodiscard]] double plain_write() {
    return rate([&] {
      if (world_rank() == 0) {
        write_plain(folder_ + "/plain", all_bytes);
      }
    });
  }
  // The old file stays until the new one is whole, as it does for a checkpoint.
  [[nodiscard]] double plain_replace() {
    return rate([&] {
      if (world_rank() == 0) {
        write_plain(folder_ + "/plain.new", all_bytes);
        std::filesystem::rename(folder_ + "/plain.new", folder_ + "/plain");
      }
    });
  }
  [[nodiscard]] double plain_read() {
    forget();
    return rate([&] {
      const int file = ::open((folder_ + "/plain").c_str(), O_RDONLY | O_CLOEXEC);
      need(file >= 0, "open");
      const std::uint64_t share = all_bytes / world_size();
      auto* const into = reinterpret_cast<std::byte*>(own_.data());
      for (std::uint64_t at = 0; at < share; at += piece_bytes) {
        const auto from = static_cast<::off_t>(share * static_cast<std::uint64_t>(world_rank()) + at);
        need(::pread(file, into + at, piece_bytes, from) == static_cast<::ssize_t>(piece_bytes), "pread");
      }
      ::close(file);
    });
  }
  [[nodiscard]] double hdf5_write() {
    return rate([&] {
      const std::string path = folder_ + "/hdf5." + std::to_string(world_rank());
      const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
      const hsize_t count = own_.size();
      const hid_t space = H5Screate_simple(1, &count, nullptr);
      const hid_t dataset =
          H5Dcreate2(file, "all", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      need(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, own_.data()) >= 0, "H5Dwrite");
      H5Dclose(dataset);
      H5Sclose(space);
      H5Fclose(file);
      const int synced = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      need(::fsync(synced) == 0, "fsync");
      ::close(synced);
    });
  }

 private:
  void write_plain(const std::string& path, std::uint64_t bytes) const {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    need(file >= 0, "open");
    for (std::uint64_t at = 0; at < bytes; at += piece_bytes) {
      // Behind what the passes change meanwhile.
      const auto* from = reinterpret_cast<const std::byte*>(own_.data()) + computed_bytes +
                         at % (own_.size() * sizeof(double) - computed_bytes);
      need(::write(file, from, piece_bytes) == static_cast<::ssize_t>(piece_bytes), "write");
    }
    need(::fsync(file) == 0, "fsync");
    ::close(file);
  }
  // The system's cache has none of the files.
  void forget() const {
    MPI_Barrier(MPI_COMM_WORLD);
    if (world_rank() != 0) {
      return;  // rate() waits for the others
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) {
        const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
        need(file >= 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0, "posix_fadvise");
        ::close(file);
      }
    }
  }
  [[nodiscard]] static std::string first_name() { return "of rank " + std::to_string(world_rank()); }
  [[nodiscard]] Key make(std::uint64_t bytes) {
    auto writer = store_.create<double>({bytes / sizeof(double)}).value();
    std::copy_n(own_.begin(), writer.size(), writer.begin());
    return writer.seal().value();
  }
  template <class Body>
  [[nodiscard]] double rate(Body body) {
    MPI_Barrier(MPI_COMM_WORLD);
    return static_cast<double>(all_bytes) / slowest(timed(body)) / 1e9;
  }

  template <class Until>
  [[nodiscard]] double passes(Until until) {
    const auto values = std::span(own_).first(computed_bytes / sizeof(double));
    std::uint64_t done = 0;
    const double taken = timed([&] {
      do {
        for (double& value : values) {
          value = value * 0.999 + 1.0;
        }
        ++done;
      } while (!until());
    });
    return 1.0 / slowest(taken / static_cast<double>(done));
  }

  Runtime runtime_;
  Store store_ = runtime_.store("checkpointed");
  Store restored_ = runtime_.store("restored");
  std::vector<Key> keys_;
  std::uint64_t next_ = 0;
  std::vector<double> own_;
  const std::string folder_ =
      std::string(std::getenv("LOCUM_BENCH_FOLDER") == nullptr ? "." : std::getenv("LOCUM_BENCH_FOLDER")) +
      "/locum_bench_checkpoint";
};

double seconds_of(double rate) {
  return static_cast<double>(all_bytes) / rate / 1e9;
}

void written(benchmark::State& state, std::uint64_t object_bytes, double (Checkpointed::*twin)(), Goal goal) {
  Checkpointed scene(object_bytes);
  interleave(
      state, [&] { return scene.checkpoint(); }, [&] { return (scene.*twin)(); }, seconds_of)
      .report(state, "GB/s", goal);
}

// From the disk, both.
void restored(benchmark::State& state, std::uint64_t object_bytes) {
  Checkpointed scene(object_bytes);
  (void)scene.checkpoint();
  (void)scene.plain_write();
  interleave(
      state, [&] { return scene.restore(); }, [&] { return scene.plain_read(); }, seconds_of)
      .report(state, "GB/s", {});
}

void written_again(benchmark::State& state) {
  Checkpointed scene(16_MiB);
  (void)scene.checkpoint_what_is_new();
  interleave(
      state, [&] { return 1e3 * seconds_of(scene.checkpoint_what_is_new()); },
      [&] { return 1e3 * seconds_of(scene.checkpoint()); },
      [](double milliseconds) { return milliseconds / 1e3; })
      .report(state, "ms", {});
}

void used_first(benchmark::State& state) {
  Checkpointed scene(all_bytes / world_size());
  scene.name_some();
  interleave(
      state, [&] { return scene.restore_and_use_one(true); },
      [&] { return scene.restore_and_use_one(false); },
      [](double milliseconds) { return milliseconds / 1e3; })
      .report(state, "ms", {});
}

void begun(benchmark::State& state) {
  Checkpointed scene(16_MiB);
  interleave(
      state, [&] { return scene.begin_in_background(); },
      [&] { return 1e3 * seconds_of(scene.checkpoint()); },
      [](double milliseconds) { return milliseconds / 1e3; })
      .report(state, "ms", {});
}

void computed_meanwhile(benchmark::State& state) {
  Checkpointed scene(16_MiB);
  interleave(
      state, [&] { return scene.compute_while_writing(); }, [&] { return scene.compute_alone(); },
      [](double rate) { return 1 / rate; })
      .report(state, "passes/s", {});
}

// A plain write copies each byte by the processor once: what it costs the computation is what a checkpoint
// may.
void computed_beside_copies(benchmark::State& state) {
  Checkpointed scene(16_MiB);
  interleave(
      state, [&] { return scene.compute_while_writing(); },
      [&] { return scene.compute_while_plain_writing(); }, [](double rate) { return 1 / rate; })
      .report(state, "passes/s", Goal{Goal::Kind::ratio_at_least, 1.0});
}

}  // namespace

void add_checkpoint_rows() {
  constexpr auto at_least = Goal::Kind::ratio_at_least;
  const std::string all = std::to_string(gibibytes()) + " GiB";
  const std::string of = "checkpoint of " + all + " in objects of ";
  add_row(of + "16 MiB, to a plain file", 5, written, std::uint64_t{16_MiB}, &Checkpointed::plain_write,
          Goal{at_least, 0.8});
  add_row(of + "16 MiB, to a plain file that replaces another", 5, written, std::uint64_t{16_MiB},
          &Checkpointed::plain_replace, Goal{at_least, 0.8});
  add_row(of + "4 KiB, to a plain file", 3, written, std::uint64_t{4_KiB}, &Checkpointed::plain_write,
          Goal{at_least, 0.8});
  add_row(of + "16 MiB, to a file of HDF5 a rank", 5, written, std::uint64_t{16_MiB},
          &Checkpointed::hdf5_write, Goal{at_least, 1.0});
  add_row("checkpoint_async of " + all + " in objects of 16 MiB returns, to the end of checkpoint", 3, begun);
  add_row(
      "passes over 8 MiB while a checkpoint of " + all + " is written in the background, to those without", 3,
      computed_meanwhile);
  add_row("passes over 8 MiB while a checkpoint of " + all +
              " is written in the background, to those while a thread writes as much",
          3, computed_beside_copies);
  add_row("incremental checkpoint of " + all + " of which a sixteenth is new, to a whole one", 3,
          written_again);
  add_row("restore of " + all + " in objects of 16 MiB from the disk, to reading a plain file from it", 5,
          restored, std::uint64_t{16_MiB});
  add_row("lazy restore of " + all + " in two objects a rank and the use of one, to a whole restore", 3,
          used_first);
}

}  // namespace locum::bench
