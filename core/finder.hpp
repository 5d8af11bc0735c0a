#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "links.hpp"
#include "lookup.hpp"

namespace locum {

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
  /// A part of the window for what is fetched ahead of use; given back with this.
  class Way {
   public:
    Way(Way&& other) noexcept : finder_(std::exchange(other.finder_, nullptr)), bytes_(other.bytes_) {}
    Way& operator=(Way&&) = delete;
    ~Way() {
      if (finder_ != nullptr) {
        finder_->ahead_bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
        finder_->ahead_count_.fetch_sub(1, std::memory_order_relaxed);
      }
    }

   private:
    friend class Finder;
    Way(Finder& finder, std::uint64_t bytes) noexcept : finder_(&finder), bytes_(bytes) {}

    Finder* finder_;
    std::uint64_t bytes_;
  };
  /// None if the window is full. One that is larger than the window goes alone.
  [[nodiscard]] std::optional<Way> way_for(std::uint64_t bytes) noexcept;
  /// find(), on that way; keeps the finder, because nobody may wait for it.
  [[nodiscard]] static Task<Result<ObjectView>> find_ahead(std::shared_ptr<Finder> finder, Lookup wanted,
                                                           Way way);
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
  const std::uint64_t window_bytes_;
  std::atomic<std::uint64_t> ahead_bytes_{0};  ///< of what was begun ahead of use
  std::atomic<std::uint32_t> ahead_count_{0};
  const Nodes& nodes_;
};

}  // namespace locum
