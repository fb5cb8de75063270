// The operators new and delete in all their forms, and what happens when there
// is no room.
#include "check.h"
#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

static volatile std::size_t huge = SIZE_MAX / 2 - 100;
static int called;

static void handle() {
    called++;
    if (called == 3) {
        std::set_new_handler(nullptr);
    }
}

static void throw_at_once() { throw std::bad_alloc(); }

struct alignas(256) Wide {
    char bytes[300];
};

struct Late {
    std::vector<std::string> *list = new std::vector<std::string>(100, std::string(50, 'x'));
    ~Late() {
        CHECK(list->size() == 100 && list->at(99) == std::string(50, 'x'));
        delete list;
        std::string other(1000, 'y');
        CHECK(other.size() == 1000);
    }
};

static Late at_exit;
static thread_local Late at_thread_exit;

static void all_forms() {
    using std::align_val_t;
    const auto align = align_val_t(128);
    auto whole = [](void *block, std::size_t size) {
        CHECK(block != nullptr && reinterpret_cast<std::uintptr_t>(block) % 16 == 0);
        fill(block, size, size);
        CHECK(is_filled(block, size, size));
        return block;
    };
    auto aligned = [&](void *block, std::size_t size) {
        CHECK(reinterpret_cast<std::uintptr_t>(block) % 128 == 0);
        return whole(block, size);
    };
    for (std::size_t size : {0, 1, 16, 100, 1000, 5000, 70000, 1000000}) {
        ::operator delete(whole(::operator new(size), size));
        ::operator delete(whole(::operator new(size), size), size);
        ::operator delete(whole(::operator new(size, std::nothrow), size), std::nothrow);
        ::operator delete[](whole(::operator new[](size), size));
        ::operator delete[](whole(::operator new[](size), size), size);
        ::operator delete[](whole(::operator new[](size, std::nothrow), size), std::nothrow);
        ::operator delete(aligned(::operator new(size, align), size), align);
        ::operator delete(aligned(::operator new(size, align), size), size, align);
        ::operator delete(aligned(::operator new(size, align, std::nothrow), size), align,
                          std::nothrow);
        ::operator delete[](aligned(::operator new[](size, align), size), align);
        ::operator delete[](aligned(::operator new[](size, align), size), size, align);
        ::operator delete[](aligned(::operator new[](size, align, std::nothrow), size), align,
                            std::nothrow);
    }
    ::operator delete(nullptr);
    delete new Wide;
    delete[] new Wide[7];
}

template <typename Call> static bool throws(Call call) {
    Late unwound;
    try {
        call();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void no_room() {
    const auto align = std::align_val_t(64);
    CHECK(throws([] { return ::operator new(huge); }));
    CHECK(throws([] { return ::operator new[](huge); }));
    CHECK(throws([=] { return ::operator new(huge, align); }));
    CHECK(throws([=] { return ::operator new[](huge, align); }));
    CHECK(::operator new(huge, std::nothrow) == nullptr);
    CHECK(::operator new[](huge, std::nothrow) == nullptr);
    CHECK(::operator new(huge, align, std::nothrow) == nullptr);
    CHECK(::operator new[](huge, align, std::nothrow) == nullptr);
    std::set_new_handler(handle);
    CHECK(throws([] { return ::operator new(huge); }));
    CHECK(called == 3);
    called = 0;
    std::set_new_handler(handle);
    CHECK(::operator new(huge, std::nothrow) == nullptr);
    CHECK(called == 3);
    std::set_new_handler(throw_at_once);
    CHECK(throws([] { return ::operator new(huge); }));
    CHECK(::operator new(huge, std::nothrow) == nullptr);
    std::set_new_handler(nullptr);
    CHECK(throws([] { std::vector<char>().reserve(huge / 2); }));
}

static void containers() {
    std::map<std::string, std::vector<std::unique_ptr<Wide>>> all;
    for (int i = 0; i < 3000; i++) {
        all["key " + std::to_string(i % 300)].push_back(std::make_unique<Wide>());
    }
    for (int i = 0; i < 300; i += 2) {
        all.erase("key " + std::to_string(i));
    }
    CHECK(all.size() == 150 && all["key 7"].size() == 10);
    CHECK(at_thread_exit.list->size() == 100);
}

int main() {
    start();
    all_forms();
    no_room();
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) {
        threads.emplace_back(containers);
    }
    for (auto &thread : threads) {
        thread.join();
    }
    containers();
    return 0;
}
