#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/value/error.hpp"

namespace locum::tests {

/// An operation of a client on a name.
enum class NameAct : std::uint8_t { put, replace, get, exists, evict };

/// Its outcome.
enum class NameAnswer : std::uint8_t {
  done,        ///< with what the operation returns
  key_exists,  ///< of put
  stale,       ///< of replace
  not_found,   ///< of replace and get
  unknown,     ///< no reply, or one that leaves open whether anything was changed: the change may happen from
               ///< now on, at any time, or never
};

/// One operation of one client.
struct NameOperation {
  int client = 0;
  NameAct act = NameAct::get;
  std::string name{};
  std::uint64_t value =
      0;  ///< of put and replace: the written value, preferably never twice; of get: the value read
  /// Of replace: the generation to be replaced; 0: any, or none. Of evict: the one to be evicted; 0: any.
  std::uint64_t expected = 0;
  std::uint64_t generation = 0;  ///< of put, replace and get, if successful; 0: not reported
  bool yes = false;              ///< result of exists and evict
  NameAnswer reply = NameAnswer::unknown;
  std::uint64_t began = 0;  ///< position in the order of all beginnings and ends
  std::uint64_t ended = ~0ULL;
};

/// The operations of clients and their outcomes, in the order in which they happened. For one thread; within
/// a simulation that includes all clients.
class History {
 public:
  /// Records that an operation begins, with client, act, name, and value and expected if they matter. Returns
  /// its number.
  std::size_t begin(NameOperation operation) {
    operation.began = next_++;
    operations_.push_back(std::move(operation));
    return operations_.size() - 1;
  }
  /// Records that the operation ends, with the outcome, value (of get), generation and yes in `told`. An
  /// operation that never ends is unknown.
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

/// The outcome for an error: `unknown` for errors that leave it open.
[[nodiscard]] NameAnswer answer_of(Errc code) noexcept;

/// One operation as readable text.
[[nodiscard]] std::string describe(const NameOperation& operation);

}  // namespace locum::tests
