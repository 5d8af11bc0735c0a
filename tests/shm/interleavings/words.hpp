#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace locum::tests {

/// Which words of memory several threads use, and at least one of them changes, in any of the runs so far: a
/// thread is interrupted before it touches one of these. Before another one nobody could see the difference.
class Words {
 public:
  [[nodiscard]] bool is_shared(const volatile void* at) const {
    const auto use = uses_.find(at);
    return use != uses_.end() && use->second.shared;
  }
  [[nodiscard]] std::size_t shared() const { return shared_; }
  /// For later: what is in use in a run does not change what follows in it.
  void note(const volatile void* at, std::size_t thread, bool changes) {
    noted_.push_back({at, thread, changes});
  }
  void use_noted() {
    for (const Noted& each : noted_) {
      use(each.word, each.thread, each.changes);
    }
    noted_.clear();
  }
  void reserve(std::size_t notes) { noted_.reserve(notes); }

 private:
  struct Noted {
    const volatile void* word;
    std::size_t thread;
    bool changes;
  };
  std::vector<Noted> noted_;
  struct Use {
    std::uint64_t threads = 0;
    bool changed = false;
    bool shared = false;
  };
  void use(const volatile void* at, std::size_t thread, bool changes) {
    Use& use = uses_[at];
    use.threads |= std::uint64_t{1} << thread;
    use.changed = use.changed || changes;
    if (!use.shared && use.changed && (use.threads & (use.threads - 1)) != 0) {
      use.shared = true;
      ++shared_;
    }
  }

  std::unordered_map<const volatile void*, Use> uses_;
  std::size_t shared_ = 0;
};

}  // namespace locum::tests
