#include "tests/core/history.hpp"

namespace locum::tests {
namespace {

std::string asked(const NameOperation& operation) {
  switch (operation.act) {
    case NameAct::put:
      return "put " + std::to_string(operation.value);
    case NameAct::replace:
      return "replace " +
             (operation.expected == 0 ? "any" : "generation " + std::to_string(operation.expected)) + " by " +
             std::to_string(operation.value);
    case NameAct::get:
      return "get";
    case NameAct::exists:
      return "exists";
    case NameAct::evict:
      return operation.expected == 0 ? "evict" : "evict generation " + std::to_string(operation.expected);
  }
  return {};
}

std::string told(const NameOperation& operation) {
  switch (operation.reply) {
    case NameAnswer::done:
      break;
    case NameAnswer::key_exists:
      return "key_exists";
    case NameAnswer::stale:
      return "stale";
    case NameAnswer::not_found:
      return "not_found";
    case NameAnswer::unknown:
      return "unknown";
  }
  const std::string generation = "generation " + std::to_string(operation.generation);
  switch (operation.act) {
    case NameAct::put:
    case NameAct::replace:
      return generation;
    case NameAct::get:
      return std::to_string(operation.value) + ", " + generation;
    case NameAct::exists:
    case NameAct::evict:
      return operation.yes ? "true" : "false";
  }
  return {};
}

}  // namespace

NameAnswer answer_of(Errc code) noexcept {
  switch (code) {
    case Errc::key_exists:
      return NameAnswer::key_exists;
    case Errc::stale:
      return NameAnswer::stale;
    case Errc::not_found:
      return NameAnswer::not_found;
    case Errc::invalid_argument:
    case Errc::type_mismatch:
    case Errc::out_of_memory:
    case Errc::timeout:
    case Errc::peer_lost:
    case Errc::corrupt:
    case Errc::closed:
    case Errc::options_differ:
    case Errc::unsupported:
    case Errc::system:
    case Errc::cancelled:
    case Errc::broken_promise:
    case Errc::end_of_stream:
    case Errc::queue_full:
    case Errc::value_too_large:
      break;
  }
  return NameAnswer::unknown;
}

std::string describe(const NameOperation& operation) {
  const std::string until = operation.ended == ~0ULL ? "never" : std::to_string(operation.ended);
  return "client " + std::to_string(operation.client) + " [" + std::to_string(operation.began) + ", " +
         until + "] " + asked(operation) + " \"" + operation.name + "\" -> " + told(operation);
}

}  // namespace locum::tests
