#pragma once

#include <typeinfo>

namespace locum {

/// Base of the optional abilities of a connector, which Connector::capability() finds by their type.
class Capability {
 public:
  Capability() = default;
  Capability(const Capability&) = delete;
  Capability& operator=(const Capability&) = delete;
  virtual ~Capability() = default;
};

/// Returns the first of the given abilities whose type is the requested one; null: none is, or it is null.
/// For implementations of Connector::find_capability(): `return one_of<Batches, Expiring>(type, this,
/// this);`.
template <class... Abilities>
[[nodiscard]] Capability* one_of(const std::type_info& type, Abilities*... abilities) noexcept {
  Capability* found = nullptr;
  (void)((type == typeid(Abilities) && ((found = abilities), true)) || ...);
  return found;
}

}  // namespace locum
