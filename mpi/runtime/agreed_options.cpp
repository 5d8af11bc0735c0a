#include "mpi/runtime/agreed_options.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

#include "core/rpc/message.hpp"
#include "core/version.hpp"
#include "mpi/error.hpp"

namespace locum::mpi {
namespace {

std::string own_version() {
  return "version = " + std::string(version()) + "\nwire = " + std::to_string(wire_version) + "\n";
}

std::string version_and_options(const RuntimeOptions& options) {
  return own_version() + to_string(options);
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "memory_bytes = 2 there, memory_bytes = 1 on rank 0; …": the lines in which two texts differ.
std::string differing_lines(const std::string& there, const std::string& on_rank_0) {
  std::istringstream first(there);
  std::istringstream second(on_rank_0);
  std::string text;
  std::string a;
  std::string b;
  while (std::getline(first, a) && std::getline(second, b)) {
    if (a != b) {
      text.append(text.empty() ? "" : "; ").append(a).append(" there, ").append(b).append(" on rank 0");
    }
  }
  return text.empty() ? "one rank has more options than the other" : text;
}

Result<RuntimeOptions> options_of_others(std::string_view text, int rank) {
  const std::string mine = own_version();
  if (!text.starts_with(mine)) {
    return Error(Errc::options_differ, "rank " + std::to_string(rank) +
                                           " has another version of the library (" +
                                           differing_lines(mine, std::string(text)) +
                                           "); link all programs of the job with the same version");
  }
  return options_in(text.substr(mine.size()));
}

}  // namespace

// Each rank tells the length of its text, 0 if it takes the options of others. Only if one does, the text
// follows.
AskedOptions asked_options(Communicator& communicator, const Result<RuntimeOptions>& given, Moment moment) {
  constexpr std::string_view step = "asking for the options of the others";
  const bool takes = given && given->as_others;
  std::string text = takes ? std::string() : version_and_options(given.value_or(RuntimeOptions{}));
  const std::uint64_t size = text.size();
  const auto sizes =
      values_of<std::uint64_t>(communicator.all_gather(std::as_bytes(std::span(&size, 1)), moment, step));
  if (std::ranges::find(sizes, 0U) == sizes.end()) {
    return {{}, given};
  }
  const auto giver = std::ranges::find_if(sizes, [](std::uint64_t bytes) { return bytes != 0; });
  if (giver == sizes.end()) {
    return {
        {},
        Error(Errc::invalid_argument,
              "all ranks ask for the options of the others (as_others); start a program that gives them in "
              "the same job")};
  }
  const int root = static_cast<int>(giver - sizes.begin());
  std::vector<std::byte> bytes = bytes_of(text);
  bytes.resize(*giver);
  text = text_of(communicator.broadcast(std::move(bytes), root, moment, step));
  if (!takes) {
    return {{}, given};
  }
  AskedOptions taken{std::move(text), RuntimeOptions{}};
  taken.options = options_of_others(taken.text, communicator.rank());
  return taken;
}

RuntimeOptions agreed_options(CommunicatorGroup& group, const Result<RuntimeOptions>& asked) {
  throw_if(group.agree(asked ? std::nullopt : std::optional(asked.error()), "checking the options", {}));
  const std::string mine = version_and_options(*asked);
  const std::string rank_0 = text_of(group.broadcast(bytes_of(mine), 0, "comparing the options"));
  std::optional<Error> error;
  if (mine != rank_0) {
    error = Error(Errc::options_differ,
                  "rank " + std::to_string(group.rank()) + " has other options than rank 0 (" +
                      differing_lines(mine, rank_0) +
                      "); give all ranks the same options, LOCUM_ variables and version of the library");
  }
  throw_if(group.agree(error, "comparing the options", {}));
  return *asked;
}

Configuration agreed_stores(CommunicatorGroup& group, const std::string& path) {
  constexpr std::string_view step = "reading what stores are opened with";
  if (path.empty()) {
    return {};
  }
  std::string text;
  const bool reads = group.rank() == 0;
  throw_if(group.agree(reads ? error_of([&] { text = configuration_text(path).value(); }) : std::nullopt,
                       step, {}));
  text = text_of(group.broadcast(bytes_of(text), 0, step));
  Configuration configuration;
  throw_if(group.agree(error_of([&] { configuration = parse_configuration(text, path).value(); }), step, {}));
  return configuration;
}

}  // namespace locum::mpi
