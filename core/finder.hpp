#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "fetch.hpp"
#include "links.hpp"
#include "lookup.hpp"
#include "window.hpp"

namespace locum {

/// What was fetched ahead of use, or why it did not come.
struct Ahead {
  std::optional<Window::Way> way;  ///< as long as it counts; longer than the object is held
  Result<ObjectView> found;
};

/// Finds objects of all nodes: by key at the node whose memory holds it, by name at the name's home. Its
/// tasks are parts of operations of the links' client; the links keep it until they have ended (see
/// Links::keep()). Any thread may call.
class Finder final {
 public:
  /// \param local this node's own objects, and the names that are at home here
  Finder(NodeMemory memory, std::shared_ptr<Connector> local, const Links& links);

  [[nodiscard]] const NodeClient& client() const noexcept { return *client_; }
  /// Whether the question after an object begins at this node: by a key of its own, one that no rank has
  /// made, or a name that is at home here.
  [[nodiscard]] bool begins_here(const Address& address) const noexcept;
  /// The object, if nobody has to be asked for it; else an empty view.
  [[nodiscard]] Result<ObjectView> at_hand(const Address& address, Deadline deadline);
  /// What a name at home here stands for, if nobody has to be asked for that; else an empty view.
  [[nodiscard]] Result<ObjectView> at_hand(ObjectView entry);
  /// The object. REQUIRES: nobody waits for a name at home here.
  [[nodiscard]] Task<Result<ObjectView>> find(Lookup wanted);
  /// find(), as soon as it fits the window: its time counts from then. Keeps the finder, because nobody may
  /// wait for it.
  [[nodiscard]] static Task<Ahead> find_ahead(std::shared_ptr<Finder> finder, Lookup wanted,
                                              CountsUntil until);
  /// For what is fetched ahead of use.
  [[nodiscard]] const std::shared_ptr<Window>& window() const noexcept { return window_; }
  /// Whether it is there. REQUIRES: the question does not begin here.
  [[nodiscard]] Task<Result<bool>> exists(Lookup wanted);

 private:
  [[nodiscard]] int owner(const Key& key) const noexcept { return nodes_.of_creator(key.creator); }
  [[nodiscard]] bool is_here(const Key& key) const noexcept {
    const int node = owner(key);
    return node == nodes_.own() || node < 0;
  }
  [[nodiscard]] int home_of(const Address& address) const noexcept;
  [[nodiscard]] int home_of(const Lookup& wanted) const noexcept { return home_of(wanted.address()); }
  [[nodiscard]] Task<Result<ObjectView>> anywhere(const Lookup& wanted);
  [[nodiscard]] Asked ask_whether(const Lookup& wanted) const;
  [[nodiscard]] Task<Result<ObjectView>> here(const Lookup& wanted);
  [[nodiscard]] Task<Result<ObjectView>> elsewhere(const Lookup& wanted, const Key& key, std::uint64_t bytes,
                                                   std::uint64_t generation);
  [[nodiscard]] Task<Result<ObjectView>> by_name(const Lookup& wanted);
  [[nodiscard]] Result<ObjectView> look_here(const Lookup& wanted, ObjectWire& said);
  [[nodiscard]] Asked ask(const Lookup& wanted, int home) const;
  [[nodiscard]] Result<ObjectView> read(const Lookup& wanted, int home, Result<NodeAnswer> answer,
                                        ObjectWire& said) const;
  [[nodiscard]] Task<Result<ObjectView>> fetch(const Lookup& wanted, Key key, std::uint64_t bytes,
                                               std::uint64_t generation);
  [[nodiscard]] Task<Result<ObjectView>> fetch_some(const Lookup& wanted, Key key, std::uint64_t generation);
  [[nodiscard]] Task<Result<ObjectView>> behind(const Lookup& wanted, ObjectWire wire);
  [[nodiscard]] Task<Error> absent(const Lookup& wanted, Error error);

  const NodeMemory memory_;
  const std::shared_ptr<Connector> local_;
  const NodeClient* const client_;  ///< the links', which it is kept by
  const std::shared_ptr<NodeCopies> copies_;
  const std::shared_ptr<Flights> flights_;
  const std::uint64_t inline_bytes_;
  const std::shared_ptr<Window> window_;
  const Nodes& nodes_;
};

}  // namespace locum
