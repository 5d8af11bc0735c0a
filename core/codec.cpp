#include "core/codec.hpp"

#include <exception>
#include <functional>
#include <new>
#include <string>

#include "core/value/metrics.hpp"

namespace locum::detail {

namespace {

// "codec f32, type f64[]", or the type alone.
std::string named(const TypeIdentity& identity) {
  const auto [type, codec] = type_and_codec(identity.name);
  const std::string of_type = "type " + std::string(type);
  return codec.empty() ? of_type : "codec " + std::string(codec) + ", " + of_type;
}

/// Runs a step of the caller's codec, and turns its exceptions into an error.
template <class Step>
[[nodiscard]] auto coding(Errc code, const TypeIdentity& identity, const char* failed, Step step)
    -> Result<std::invoke_result_t<Step>> {
  try {
    return step();
  } catch (const Error& error) {
    return type_and_codec(identity.name).codec.empty()
               ? error
               : Error(error.code(), error.text() + " (" + named(identity) + ")", error.detail());
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory,
                 "this process has no free memory for a codec (" + named(identity) + ")");
  } catch (const std::exception& error) {
    return Error(code, "the codec failed " + std::string(failed) + " (" + named(identity) + ")",
                 error.what());
  }
}

}  // namespace

Result<std::uint64_t> size_by(const WritingSteps& steps, const void* codec, const void* value) {
  return coding(Errc::invalid_argument, *steps.identity, "to say how many bytes a value takes",
                [&] { return steps.size(codec, value); });
}

Result<std::size_t> encode_by(const WritingSteps& steps, const void* codec, const void* value,
                              std::span<std::byte> memory) {
  auto written = coding(Errc::invalid_argument, *steps.identity, "to write a value",
                        [&] { return steps.encode(codec, value, memory); });
  if (written && (*written > memory.size() || (steps.is_exact && *written != memory.size()))) {
    return Error(
        Errc::invalid_argument,
        "encode() of the codec returned " + std::to_string(*written) + " bytes, its size function " +
            std::to_string(memory.size()) + " (" + named(*steps.identity) +
            "); do not change the value during the call, and make size() count what encode() writes");
  }
  return written;
}

Result<std::shared_ptr<const void>> read_by_codec(const ReadingSteps& steps, SessionState& session,
                                                  const ObjectView& object, const DecodedHow& how) {
  if (const auto right = check_type(session, object, *steps.identity); !right) {
    return right.error();
  }
  const auto decode = [&] {
    return coding(Errc::corrupt, *steps.identity, "to read the stored bytes",
                  [&] { return steps.decode(object.bytes()); });
  };
  // Each codec and type has its own steps object: values decoded by another codec are never found.
  return decoded_value(session, object, &steps, how, std::cref(decode));
}

}  // namespace locum::detail
