#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/pause.hpp"
#include "bench/plain_ucp.hpp"
#include "bench/processor.hpp"
#include "bench/remote.hpp"
#include "bench/world.hpp"

namespace locum::bench {

/// The operations of Remote, written by hand over UCP: ranks 0 and 1.
class Hand {
 public:
  /// `bytes`: the largest object.
  Hand(std::size_t bytes, bool survives_peer, Owner owner)
      : owner_(owner),
        object_(bytes, std::byte{1}),
        landing_(bytes, std::byte{2}),
        ucp_(landing_, {.exposed = bytes > sizeof(Kilobyte) ? object_ : std::span<std::byte>(),
                        .survives_peer = survives_peer}) {}

  /// With memory allocated by UCX: only for by_get().
  explicit Hand(std::size_t bytes)
      : owner_(Owner::driving),
        object_(bytes),
        landing_(bytes, std::byte{2}),
        ucp_(landing_, {.allocated_bytes = bytes}) {}

  /// Seconds for the object as the reply to a request of one byte.
  [[nodiscard]] double by_rendezvous() { return rounds(1, 1, object_.size()); }
  /// Seconds to read it one-sidedly, without the message that it was read.
  [[nodiscard]] double by_get() {
    MPI_Barrier(MPI_COMM_WORLD);
    double seconds = 0;
    ++expected_;
    if (world_rank() == 0) {
      seconds = timed([&] { ucp_.get(object_.size()); });
      ucp_.send(std::span(object_).first(1));
      ucp_.wait_for(expected_);
    } else {
      ucp_.wait_for(expected_);
      ucp_.send(std::span(object_).first(1));
    }
    return slowest(seconds);
  }
  /// Seconds for one of that many requests and replies of these sizes.
  [[nodiscard]] double rounds(std::size_t count, std::size_t request, std::size_t reply) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double seconds = timed([&] {
      for (std::size_t round = 0; round < count; ++round) {
        ++expected_;
        if (world_rank() == 0) {
          if (owner_ == Owner::roused) {
            pause_();
          }
          ucp_.send(std::span(object_).first(request));
          ucp_.wait_for(expected_);
        } else {
          owner_ == Owner::driving ? ucp_.wait_for(expected_) : ucp_.sleep_for(expected_);
          ucp_.send(std::span(object_).first(reply));
        }
      }
    });
    return slowest(world_rank() == 0 ? seconds - pause_.seconds() : 0) / static_cast<double>(count);
  }
  /// Seconds for one of that many requests that are all sent before the first reply is waited for.
  [[nodiscard]] double pipelined(std::size_t count, std::size_t request, std::size_t reply) {
    MPI_Barrier(MPI_COMM_WORLD);
    const std::uint64_t before = expected_;
    expected_ += count;
    const double seconds = timed([&] {
      for (std::size_t round = 0; round < count; ++round) {
        if (world_rank() != 0) {
          ucp_.wait_for(before + round + 1);
        }
        ucp_.send(std::span(object_).first(world_rank() == 0 ? request : reply));
      }
      if (world_rank() == 0) {
        ucp_.wait_for(expected_);
      }
    });
    return slowest(world_rank() == 0 ? seconds : 0) / static_cast<double>(count);
  }
  /// Seconds from sending a message until rank 1, which sleeps, continues; the average of that many. Ranks of
  /// one machine have one clock, also on hosts that it plays.
  [[nodiscard]] double to_sleeper(std::size_t count, std::size_t bytes) {
    double seconds = 0;
    for (std::size_t round = 0; round < count; ++round) {
      MPI_Barrier(MPI_COMM_WORLD);
      if (world_rank() == 0) {
        pause_.until_others_sleep();
        seconds -= seconds_since({});
        ucp_.send(std::span(object_).first(bytes));
      } else {
        ucp_.sleep_for(++expected_);
        seconds += seconds_since({});
      }
    }
    (void)pause_.seconds();
    return sum_of_all(seconds) / static_cast<double>(count);
  }
  /// The share of a core that rank 1 needs to reply to that many requests, asleep in between. `at_pace(ask)`
  /// sends them, and returns how many seconds that took.
  template <class AtPace>
  [[nodiscard]] double owners_share(std::size_t count, std::size_t request, std::size_t reply,
                                    const AtPace& at_pace) {
    meet_asleep();
    double seconds = 0;
    const double before = thread_seconds();
    double used = 0;
    if (world_rank() == 0) {
      seconds = at_pace([&] {
        ucp_.send(std::span(object_).first(request));
        ucp_.wait_for(++expected_);
      });
    } else {
      for (std::size_t round = 0; round < count; ++round) {
        ucp_.sleep_for(++expected_);
        ucp_.send(std::span(object_).first(reply));
      }
      used = thread_seconds() - before;
    }
    meet_asleep();
    return slowest(used) / slowest(seconds);
  }

 private:
  const Owner owner_;
  std::vector<std::byte> object_;
  std::vector<std::byte> landing_;
  PlainUcp ucp_;
  Pause pause_;
  std::uint64_t expected_ = 0;
};

}  // namespace locum::bench
