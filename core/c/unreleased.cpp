#include "core/c/unreleased.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "core/base/fork_mark.hpp"
#include "core/c/objects.hpp"
#include "core/c/thread_counts.hpp"

namespace locum::c {

namespace {

/// Whether nothing is to be named any more.
std::atomic<bool> is_over = false;

struct Remaining {
  const char* one;
  const char* several;
  std::size_t count;
};

[[nodiscard]] std::array<Remaining, 20> all_kinds() {
  const auto views = open_views().sum();
  return {{{"session", "sessions", sessions().count()},
           {"store", "stores", stores().count()},
           {"writer of an object", "writers of objects", writers().count()},
           {"view", "views", views > 0 ? static_cast<std::size_t>(views) : 0},
           {"future", "futures", futures().count()},
           {"proxy", "proxies", proxies().count()},
           {"promise", "promises", promises().count()},
           {"queue of tasks", "queues of tasks", queues().count()},
           {"task", "tasks", tasks().count()},
           {"handle of files", "handles of files", files().count()},
           {"array of Zarr", "arrays of Zarr", zarr_arrays().count()},
           {"group of Zarr", "groups of Zarr", zarr_groups().count()},
           {"experiment", "experiments", experiments().count()},
           {"set of shards", "sets of shards", shard_sets().count()},
           {"shard", "shards", single_shards().count()},
           {"reader of epochs", "readers of epochs", open_epochs().count()},
           {"description of ranks", "descriptions of ranks", sides().count()},
           {"step that is written", "steps that are written", output_steps().count()},
           {"reader of steps", "readers of steps", step_readers().count()},
           {"step that is read", "steps that are read", input_steps().count()}}};
}

// "2 stores, 1 view"
[[nodiscard]] std::string unreleased() {
  std::string text;
  for (const Remaining& kind : all_kinds()) {
    if (kind.count > 0) {
      text.append(text.empty() ? "" : ", ").append(std::to_string(kind.count)).append(" ");
      text.append(kind.count == 1 ? kind.one : kind.several);
    }
  }
  return text;
}

void name_at_exit() noexcept {
  name_unreleased(-1, "at its end");
}

const ForkMark& began() {
  static const auto& mark = *new ForkMark;
  return mark;
}

}  // namespace

void name_unreleased(int rank, const char* moment) noexcept {
  if (is_over.exchange(true)) {
    return;
  }
  try {
    if (const std::string text = unreleased(); !text.empty()) {
      const std::string who = rank < 0 ? "" : "rank " + std::to_string(rank) + ": ";
      std::fprintf(stderr, "locum: %s%s the program has not released: %s; release what is no longer used\n",
                   who.c_str(), moment, text.c_str());
    }
  } catch (const std::exception&) {  // no memory: nothing to be said
  }
}

void name_unreleased_at_exit() noexcept {
  static const bool is_registered = [] {
    try {
      (void)began();
      return std::atexit([] {
               if (!began().in_child()) {  // to which nothing of this belongs
                 name_at_exit();
               }
             }) == 0;
    } catch (const std::exception&) {
      return false;
    }
  }();
  (void)is_registered;
}

}  // namespace locum::c

void locum_handles_are_collected() {
  locum::c::is_over = true;
}
