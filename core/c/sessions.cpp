// Handles of sessions and stores.
#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"

namespace locum::c {

locum_status no_handle_left() {
  return failed(Error(Errc::out_of_memory,
                      "this process has 65536 handles of that kind; release those that it no longer uses"));
}

locum_status give_store(const Result<Store>& opened, locum_store* store) {
  if (!opened) {
    return failed(opened.error());
  }
  name_unreleased_at_exit();
  return give(stores(), {*opened, opened->raw()}, store);
}

}  // namespace locum::c

using namespace locum::c;

locum_status locum_session_store(locum_session session, const char* name, locum_store* store) {
  return guarded([&] {
    if (store == nullptr || name == nullptr) {
      return is_null(store == nullptr ? "store" : "name");
    }
    *store = nullptr;
    const auto opened = sessions().use(session);
    return opened ? give_store(opened->open(name), store) : no_handle("session");
  });
}

locum_status locum_session_close(locum_session* session) {
  return guarded([&] {
    if (session == nullptr) {
      return is_null("session");
    }
    {
      const auto opened = sessions().use(*session);
      if (!opened) {
        return no_handle("session");
      }
      opened->close();
    }
    const bool removed = sessions().remove(*session);
    *session = nullptr;
    return removed ? LOCUM_OK : no_handle("session");
  });
}

locum_status locum_store_collection(locum_store store, const char* name, locum_store* collection) {
  return guarded([&] {
    if (collection == nullptr || name == nullptr) {
      return is_null(collection == nullptr ? "collection" : "name");
    }
    *collection = nullptr;
    const auto opened = stores().use(store);
    return opened ? give_store(opened->store.collection(name), collection) : no_handle("store");
  });
}

locum_status locum_store_release(locum_store* store) {
  return release(stores(), store, "store");
}
