#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace locum::tests {

/// What a client asks of a name.
enum class NameAct : std::uint8_t { put, replace, get, exists, evict };

/// What came of it.
enum class NameAnswer : std::uint8_t {
  done,        ///< with what the operation returns
  key_exists,  ///< of put
  stale,       ///< of replace
  not_found,   ///< of replace and get
  unknown,  ///< none, or one that leaves it open whether anything was changed: it may be so from now on, any
            ///< time later, or never
};

/// One operation of one client.
struct NameOperation {
  int client = 0;
  NameAct act = NameAct::get;
  std::string name{};
  std::uint64_t value = 0;  ///< of put and replace: what is written, best never twice; of get: what was read
  /// Of replace: the generation to be replaced; 0: any, or none. Of evict: that to be evicted; 0: any.
  std::uint64_t expected = 0;
  std::uint64_t generation = 0;  ///< of put, replace and get, where they are done; 0: not told
  bool yes = false;              ///< of exists and evict: the reply
  NameAnswer reply = NameAnswer::unknown;
  std::uint64_t began = 0;  ///< place among all beginnings and ends
  std::uint64_t ended = ~0ULL;
};

/// What clients asked and were told, in the order in which it happened. For one thread; within a simulation
/// that is all clients.
class History {
 public:
  /// The number of the operation that begins now: client, act, name, and value and expected where they
  /// matter.
  std::size_t begin(NameOperation operation) {
    operation.began = next_++;
    operations_.push_back(std::move(operation));
    return operations_.size() - 1;
  }
  /// The operation ends now, with what is in `told`: reply, value (of get), generation, yes. One that never
  /// ends is unknown.
  void end(std::size_t number, const NameOperation& told) {
    NameOperation& operation = operations_.at(number);
    operation.reply = told.reply;
    operation.generation = told.generation;
    operation.yes = told.yes;
    if (operation.act == NameAct::get) {
      operation.value = told.value;
    }
    operation.ended = next_++;
  }

  [[nodiscard]] const std::vector<NameOperation>& operations() const noexcept { return operations_; }

 private:
  std::vector<NameOperation> operations_;
  std::uint64_t next_ = 0;
};

/// The reply that an error is: those that say nothing for certain are `unknown`.
[[nodiscard]] NameAnswer answer_of(Errc code) noexcept;

/// One operation, for people.
[[nodiscard]] std::string describe(const NameOperation& operation);

}  // namespace locum::tests
