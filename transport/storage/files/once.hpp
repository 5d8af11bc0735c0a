#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/raw_store.hpp"
#include "core/session.hpp"
#include "core/value/deadline.hpp"
#include "transport/storage/files/concurrent_calls.hpp"

namespace locum::storage {

/// The names of objects that were made of files begin with it: those that nobody views are evicted where
/// another file has no room.
constexpr std::string_view loaded_files = "file/";

/// Makes an object under a name once for all ranks of a node, however many ask for it at the same time: who
/// asks first makes it, and the others wait for that rank. If it fails or dies, another one tries. Any
/// thread.
class OnceANode {
 public:
  OnceANode(Session session, Store store);

  /// Puts the object under that name, or fails. `lent`: by those who wait for it.
  using Make = std::function<Result<void>(const std::string& name, const LentProcessors& lent)>;
  /// Returns the object, made by `make` if there is none. `stem`: what the name begins with; each node has
  /// its own. `timeout` names the rank that is making it.
  [[nodiscard]] Result<RawView> get(const std::string& stem, const Make& make, Deadline deadline) const;
  /// Returns the object if it has been made; `not_found`.
  [[nodiscard]] Result<RawView> find(const std::string& stem) const {
    return RawStore(store_).get(near(stem));
  }

 private:
  /// Returns a name that begins with that, and is this node's.
  [[nodiscard]] std::string near(std::string text) const;
  class Loan;

  /// Waits for the rank that makes it, and lends it the processors of this thread meanwhile. An error: the
  /// wait has ended in vain.
  [[nodiscard]] Result<void> await(const std::string& stem, const std::string& claim,
                                   Deadline deadline) const;

  const Session session_;
  const Store store_;
  const Store told_;  ///< the same objects: those put by this one last a moment
};

}  // namespace locum::storage
