#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace locum::tests {

/// The words of memory that several threads access, at least one of them writing, in any of the runs so far:
/// a thread is interrupted only before an access to one of these. An interruption before another access could
/// not be observed.
class Words {
 public:
  [[nodiscard]] bool is_shared(const volatile void* at) const {
    const auto use = uses_.find(at);
    return use != uses_.end() && use->second.shared;
  }
  [[nodiscard]] std::size_t shared() const { return shared_; }
  /// For later runs: does not affect the current one.
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
