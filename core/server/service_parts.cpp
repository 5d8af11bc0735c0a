#include "core/server/service_parts.hpp"

#include <string>
#include <utility>

#include "core/rpc/call_error.hpp"

namespace locum {

void ServiceParts::answer(Asker asker, std::span<const std::byte> body, Bulk bulk) const noexcept {
  asker.is_bundled() ? bundles->answer(asker, body)
                     : exchange->answer(asker.rank, asker.call, body, std::move(bulk));
}

void ServiceParts::refuse(Asker asker, const Error& error) const noexcept {
  const Error& told = error.code() == Errc::closed ? call_error::closed_meanwhile(error) : error;
  asker.is_bundled() ? bundles->refuse(asker, told) : exchange->refuse(asker.rank, asker.call, told);
}

void ServiceParts::refuse_senseless(const Question& question) const {
  refuse(asker_of(question),
         Error(Errc::invalid_argument, "rank " + std::to_string(question.from) +
                                           " sent an invalid request (kind " +
                                           std::to_string(static_cast<int>(question.kind)) + ")"));
}

// A promise's name is at home on its maker's node; otherwise it is not one.
bool ServiceParts::is_at_home(std::uint32_t store, std::string_view name) const {
  const auto promised = promise_named(store, name);
  const bool may_be = !promised || nodes->of_creator(promised->creator) == nodes->own();
  return may_be && !name.empty() && name.size() <= max_name_bytes && !is_internal(store) &&
         nodes->home(store, name_hash(store, name)) == nodes->own();
}

int ServiceParts::node_of(const Question& question) const noexcept {
  return nodes->of_creator(static_cast<std::uint32_t>(question.from));
}

Error could_not_answer(const std::exception& exception) noexcept {
  return Error(Errc::system, "the rank that served the request failed; see the detail", exception.what());
}

Exchange::Clock::time_point ServiceParts::soon() const {
  return Deadline().moment(timeout, exchange->now());
}

}  // namespace locum
