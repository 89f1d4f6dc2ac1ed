// Messages that a business can be made to send from the page: one of each type.

const picture = (name) => new URL(name, import.meta.url).href;

export const samples = {
  "Text with buttons": {
    icon: "chat",
    message: {
      type: "text", text: "Your bicycle is ready. Shall we bring it?",
      actions: [
        { type: "postback", text: "Bring it", payload: "BRING" },
        { type: "link", text: "Opening hours", uri: "https://shop.example/hours" },
      ],
    },
  },
  "Quick replies": {
    icon: "list",
    message: {
      type: "text", text: "When does it suit you?",
      actions: [
        { type: "reply", text: "This morning", payload: "MORNING" },
        { type: "reply", text: "Tonight", payload: "EVENING" },
        { type: "locationRequest", text: "Send my location" },
      ],
    },
  },
  Carousel: {
    icon: "picture",
    message: {
      type: "carousel", text: "Our bicycles: City, Cargo",
      items: [
        { title: "City", description: "7 gears, 14 kg", mediaUrl: picture("sample-city.svg"), altText: "A city bicycle",
          actions: [{ type: "postback", text: "Reserve", payload: "RESERVE_CITY" }] },
        { title: "Cargo", description: "Carries two children", mediaUrl: picture("sample-cargo.svg"), altText: "A cargo bicycle",
          actions: [{ type: "postback", text: "Reserve", payload: "RESERVE_CARGO" }] },
      ],
    },
  },
  List: {
    icon: "list",
    message: {
      type: "list", text: "Services: Repair, Rental",
      items: [
        { title: "Repair", description: "While you wait", actions: [{ type: "postback", text: "Book", payload: "REPAIR" }] },
        { title: "Rental", description: "From one day", actions: [{ type: "postback", text: "Rent", payload: "RENT" }] },
      ],
    },
  },
  Form: {
    icon: "check",
    message: {
      type: "form",
      fields: [
        { type: "text", name: "name", label: "Your name", placeholder: "Ida Lind" },
        { type: "email", name: "email", label: "Mail address", placeholder: "ida@example.com" },
        { type: "select", name: "size", label: "Size", options: [{ name: "s", label: "Small" }, { name: "l", label: "Large" }] },
      ],
    },
  },
  Location: {
    icon: "pin",
    message: { type: "location", coordinates: { lat: 45.5017, long: -73.5673 }, location: { name: "The shop", address: "Rue Sherbrooke, Montréal" } },
  },
};
