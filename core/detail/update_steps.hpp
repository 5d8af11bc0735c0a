#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <locum/detail/batch_steps.hpp>

namespace locum::detail {

/// Steps of a store's calls that replace a value by one made from it. Part of every store.
class UpdateSteps : protected BatchSteps {
 protected:
  using BatchSteps::BatchSteps;

  /// Replaces the object found, on the condition that this generation of its name is live: `stale` if another
  /// one is. Called again with the object of that one.
  template <class Ended>
  using Replace = std::function<Ended(ObjectView object, std::uint64_t generation, Deadline until)>;
  /// Replaces the object under a name until one replacement has succeeded, or the deadline has passed.
  /// `not_found` if there is none. Rethrows an exception of `replace`.
  [[nodiscard]] Result<Key> update_by(std::string_view name, Deadline deadline,
                                      const Replace<Result<Key>>& replace) const;
  /// Starts an asynchronous update_by(); it goes on where nobody holds the result any more.
  [[nodiscard]] AsyncResult<Key> begin_update_by(std::string_view name, Deadline deadline,
                                                 Replace<AsyncResult<Key>> replace) const;

  /// Blocks until a rank has put an object under the name.
  [[nodiscard]] Result<ObjectView> await(std::string_view name, Deadline deadline) const;
  /// Returns `timeout` once `until` has passed.
  [[nodiscard]] Result<void> check_time(std::string_view name, Deadline until) const;

 private:
  [[nodiscard]] static AsyncResult<Key> updating(UpdateSteps steps, std::string name, Deadline until,
                                                 Replace<AsyncResult<Key>> replace);
  /// Checks whether an update may repeat after `error`: a generation other than `expected` is live (`live`:
  /// the object's metadata now), and there is time. Otherwise returns the error for the update.
  [[nodiscard]] Result<void> may_repeat(std::string_view name, std::uint64_t expected, const Error& error,
                                        const Result<ObjectInfo>& live, Deadline until) const;
};

}  // namespace locum::detail
