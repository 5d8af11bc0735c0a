#include "tests/core/name_register.hpp"

namespace locum::tests {
namespace {

std::optional<NameRegister> when(bool fits, const NameRegister& state) {
  return fits ? std::optional(state) : std::nullopt;
}

// The bound object has this generation: now it is known.
std::optional<NameRegister> known(NameRegister state, std::uint64_t generation) {
  if (generation == 0 || generation == state.generation) {
    return state;
  }
  if (state.generation != 0 || generation <= state.last) {
    return std::nullopt;
  }
  state.generation = generation;
  return state;
}

std::optional<NameRegister> written(const NameRegister& before, const NameOperation& operation) {
  NameRegister state;
  state.bound = true;
  state.value = operation.value;
  state.last = before.generation != 0 ? before.generation : before.last;
  return known(state, operation.reply == NameAnswer::done ? operation.generation : 0);
}

NameRegister emptied(const NameRegister& before) {
  NameRegister state;
  state.last = before.generation != 0 ? before.generation : before.last;
  return state;
}

}  // namespace

std::optional<NameRegister> NameRegister::after(const NameOperation& operation) const {
  const bool done = operation.reply == NameAnswer::done || operation.reply == NameAnswer::unknown;
  switch (operation.act) {
    case NameAct::put:
      if (done) {
        return bound ? std::nullopt : written(*this, operation);
      }
      return when(operation.reply == NameAnswer::key_exists && bound, *this);
    case NameAct::replace: {
      if (operation.expected == 0) {
        return done ? written(*this, operation) : std::nullopt;
      }
      if (operation.reply == NameAnswer::not_found) {
        return when(!bound, *this);
      }
      if (operation.reply == NameAnswer::stale) {
        return when(bound && generation != operation.expected, *this);
      }
      const auto expected = bound ? known(*this, operation.expected) : std::nullopt;
      return done && expected ? written(*expected, operation) : std::nullopt;
    }
    case NameAct::get:
      if (operation.reply == NameAnswer::done) {
        return bound && value == operation.value ? known(*this, operation.generation) : std::nullopt;
      }
      return when(operation.reply == NameAnswer::not_found && !bound, *this);
    case NameAct::exists:
      return when(operation.reply == NameAnswer::done && operation.yes == bound, *this);
    case NameAct::evict: {
      if (operation.reply != NameAnswer::unknown && !operation.yes) {
        const bool another = operation.expected != 0 && generation != operation.expected;
        return when(operation.reply == NameAnswer::done && (!bound || another), *this);
      }
      const auto expected = bound ? known(*this, operation.expected) : std::nullopt;
      return done && expected ? std::optional(emptied(*expected)) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace locum::tests
