/// The field names that have a byte of their own, 01 to 3A (FORMAT.md 4).
enum FieldNames {
    /// What stands before a name that is written out.
    static let writtenOut: UInt8 = 0xFF

    static let all = [
        "id", "createdAt", "updatedAt", "userId", "teamId", "title", "description", "status", "priority",
        "assignedTo", "tags", "completedAt", "dueDate", "startDate", "category", "name", "email", "password",
        "username", "firstName", "lastName", "age", "phone", "address", "city", "state", "zip", "country",
        "organizationId", "projectId", "taskId", "bugId", "issueId", "commentId", "attachmentId", "versionId",
        "parentId", "childIds", "metadata", "config", "settings", "preferences", "type", "kind", "label", "value",
        "count", "total", "sum", "average", "min", "max", "isActive", "isDeleted", "isPublic", "isPrivate",
        "isArchived", "isFavorite",
    ]

    /// The name of a byte; nil when it stands for none.
    static func name(_ code: UInt8) -> String? {
        code >= 1 && Int(code) <= all.count ? all[Int(code) - 1] : nil
    }
}
