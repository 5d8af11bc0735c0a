#include "core/value/errors.hpp"

#include <utility>

namespace locum {

Error wrong_length(std::string_view noun, std::size_t size) {
  return Error(Errc::invalid_argument, std::string(noun) + " is 1 byte to 64 KiB long, this one has " +
                                           std::to_string(size) + " bytes; choose another one");
}

Error draft_ended() {
  return Error(Errc::invalid_argument, "this draft is already sealed or discarded; create another one");
}

Error name_taken() {
  return Error(Errc::key_exists, "the name is taken; replace its value, or evict it first");
}

Error name_not_bound() {
  return Error(Errc::not_found, "no object has the name to be replaced; put it");
}

Error other_generation(std::uint64_t expected) {
  return Error(Errc::stale, "the name has another generation than the expected " + std::to_string(expected) +
                                "; get it again");
}

Error object_replaced() {
  return Error(Errc::stale, "this object was replaced by a newer generation of its name; get it by name");
}

Error deadline_passed(std::string_view finding, std::string_view advice, std::string detail) {
  std::string text(finding);
  text.append(" before the deadline; give the call more time")
      .append(advice.empty() ? "" : ", or ")
      .append(advice);
  return Error(Errc::timeout, std::move(text), std::move(detail));
}

// Never destroyed: threads of the program may still use it during exit.
Error promise_not_set() {
  static const Error* const error = new Error(deadline_passed("this promise was not set"));
  return *error;
}

Error process_memory_used_up() {
  return Error(Errc::out_of_memory,
               "this process has no free memory; raise its limits (ulimit -v, ulimit -d)");
}

Error runtime_closed() {
  return Error(Errc::closed, "the runtime has been closed; keep it open as long as its stores are used");
}

Error closed_before_end() {
  return Error(Errc::closed,
               "the runtime or session was closed before this operation ended; keep it open until then");
}

Error result_unwanted(Errc code) {
  return Error(code, "every caller stopped waiting for this result; ask for it again");
}

Error over_budget(std::string_view store, std::uint64_t wanted, std::uint64_t budget, std::uint64_t used) {
  return Error(Errc::out_of_memory,
               "no room for " + std::to_string(wanted) + " bytes in the store " + std::string(store) +
                   ": on this node its objects use " + std::to_string(used) + " of the " +
                   std::to_string(budget) +
                   " bytes of its budget, evicted ones that are still viewed included. Evict objects of the "
                   "store, release views of evicted ones, or open it with more memory_bytes");
}

Error no_hdf5(std::string_view purpose) {
  return Error(
      Errc::unsupported,
      "this library was built without HDF5: build it with LOCUM_WITH_HDF5=ON to " + std::string(purpose));
}

Error memory_damaged(std::string finding) {
  return Error(Errc::corrupt,
               std::move(finding.append("; look for a rank that writes through a wild pointer")));
}

Error other_object_received() {
  return Error(Errc::corrupt, "the received bytes belong to another object, or are damaged; get it again");
}

Error end_overwritten(std::string_view part) {
  return Error(Errc::corrupt,
               std::string(part) + " was overwritten; look for a write past the end of an object");
}

}  // namespace locum
